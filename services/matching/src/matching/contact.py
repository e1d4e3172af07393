"""Drivers of whom nothing is seen or heard any more are taken offline (C4, C5).

The columns `grace_until` and `silent_at` are the deadlines. A message on the bus wakes us at a grace's end;
this sweep finds the same, and edges that died without a word, and drivers who are silent. No lock is held
while an edge is asked: what is decided on is looked at again, under the lock, when the answer is there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from prometheus_client import Counter

from matching import commands, deadlines, drivers, metrics
from matching.asking import Reach
from matching.availability import Patience, Reason
from matching.presence import Presence, UnknownError
from wire.connection import on_reconnect
from wire.sql import Database

log = structlog.get_logger()

TAKEN_OFFLINE = Counter("waggle_drivers_taken_offline_total", "Drivers taken offline, by reason", ["reason"])
BATCH = 500
ASKED_AT_ONCE = 8
LATE = timedelta(milliseconds=400)
"""A message comes up to 0.25 s late; the sweep waits a little longer, to be the exception."""


async def _try(work: Awaitable[None]) -> None:
    try:
        await work
    except Exception:
        log.warning("watch.failed", exc_info=True)


@dataclass
class Watch:
    """Over all online drivers. Every replica keeps one; they may do the same at the same time."""

    database: Database
    reach: Reach
    presence: Presence
    patience: Patience
    missing: dict[str, datetime] = field(default_factory=dict)
    """Edges that nobody answers for, and since when."""

    async def keep(self, every: float) -> None:
        """For ever. What fails is tried again next time, and holds up nothing else."""
        parts: tuple[Callable[[], Awaitable[None]], ...] = (
            self.end_graces,
            self.look_for_edges,
            self.end_silences,
            self.settle_the_absent,
        )
        with on_reconnect(self.presence.nc, self.presence.connected):
            while True:
                await asyncio.sleep(every)
                for part in parts:
                    await _try(part())

    async def grace_passed(self, grace_id: UUID) -> None:
        """A grace's end was announced, or found: the driver is offline, unless an edge has it (C5).

        Too early, too late or twice: nothing. While the edges cannot be asked: nothing yet; the sweep
        comes again.
        """
        async with self.database.transaction() as tx:
            row = await deadlines.in_grace(tx.session, grace_id)
            if row is None or row.grace_until is None or tx.now < row.grace_until:
                return
        asked_at = datetime.now(UTC)
        try:
            edge = await self.presence.edge_of(row.id)
        except UnknownError as error:
            log.debug("presence.unknown", driver=row.id, reason=str(error))
            return
        async with self.database.transaction() as tx:
            if edge is not None:
                await drivers.back_in_contact(tx, row.id, grace_id, edge, asked_at)
                return
            gone = await drivers.grace_over(tx, row.id, grace_id)
        if gone:
            metrics.late("grace", row.grace_until, datetime.now(UTC))
            await self._left(row.id, Reason.disconnected)

    async def end_graces(self) -> None:
        """Those whose message did not come, or came while the edges could not be asked."""
        async with self.database.transaction() as tx:
            over = await deadlines.graces_over(tx.session, datetime.now(UTC) - LATE, BATCH)
        for start in range(0, len(over), ASKED_AT_ONCE):
            some = over[start : start + ASKED_AT_ONCE]
            await asyncio.gather(*(_try(self.grace_passed(one)) for one in some))

    async def look_for_edges(self) -> None:
        """A killed edge tells of no departure. Its drivers lost contact when it was first missed (C5)."""
        async with self.database.transaction() as tx:
            known = await deadlines.edges(tx.session)
        now = datetime.now(UTC)
        for edge in known:
            try:
                lives = await self.presence.lives(edge)
            except UnknownError:
                continue
            if lives:
                self.missing.pop(edge, None)
            elif now - self.missing.setdefault(edge, now) >= self.presence.settle:
                log.warning("edge.gone", edge=edge)
                while await self._abandon(edge, self.missing[edge]) == BATCH:
                    pass
        for edge in self.missing.keys() - set(known):
            del self.missing[edge]

    async def _abandon(self, edge: str, since: datetime) -> int:
        async with self.database.transaction() as tx:
            rows = await deadlines.lock_on_edge(tx.session, edge, BATCH)
            for row in rows:
                drivers.abandoned(tx, row, since, self.patience)
        return sum(row.edge is None for row in rows)

    async def end_silences(self) -> None:
        """Deadlines that a position has put off are moved, all in one statement; the others are kept (C4).

        Nobody is silent while we are deaf: after a reconnect everybody has its whole time again. And whoever
        our map has not heard may be where another replica listens: the last positions on the bus tell.
        """
        while (since := self.presence.hears_since) is not None:
            now = datetime.now(UTC)
            async with self.database.transaction() as tx:
                due = await deadlines.silent(tx.session, now, BATCH)
            heard = await self.reach.whereabouts.newest(due, now - self.patience.silence)
            async with self.database.transaction() as tx:
                rows = await deadlines.lock_silent(tx.session, due, now)
                said = {row.id: heard[row.id].at if row.id in heard else since for row in rows}
                gone = [
                    row.id for row in rows if drivers.silent(tx, row, max(since, said[row.id]), self.patience)
                ]
            for driver_id in gone:
                await self._left(driver_id, Reason.silent)
            if len(due) < BATCH:
                return

    async def settle_the_absent(self) -> None:
        """Offers left behind by a process that died between a driver's going and what follows from it."""
        async with self.database.transaction() as tx:
            absent = await deadlines.absent_holders(tx.session, BATCH)
        for driver_id in absent:
            await _try(commands.settle(self.database, self.reach, driver_id))

    async def _left(self, driver_id: str, reason: Reason) -> None:
        log.info("driver.taken_offline", driver=driver_id, reason=reason)
        TAKEN_OFFLINE.labels(reason).inc()
        await commands.settle(self.database, self.reach, driver_id)
