"""The outbox's relay: publishes what was committed, in line when it can, by a sweep when it could not.

In-line letters go out in the order of their commits here; a swept letter may come later than its
successors, so consumers look at the version in the event.
"""

import asyncio
import math
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from nats.aio.client import Client
from nats.errors import MaxPayloadError
from nats.js.errors import APIError
from prometheus_client import Counter, Gauge
from sqlalchemy import delete, func, select
from sqlmodel import col

from wire.envelope import Letter
from wire.publish import post
from wire.refusals import NotPermittedError
from wire.sql import Database, InboxRow, OutboxRow
from wire.timers import PURGE, cancel

log = structlog.get_logger()

PUBLISHED = Counter("waggle_outbox_published_total", "Outbox letters by how they went out", ["path"])
WAITING = Gauge("waggle_outbox_waiting", "Outbox letters left to the sweep, when it last looked")
OLDEST = Gauge("waggle_outbox_oldest_seconds", "Age of the oldest letter when the sweep looked")
DATABASE_UP = Gauge("waggle_database_up", "1 if the database answered the last sweep, 0 if not")
DATABASE_UP.set(math.nan)  # until there was one

BATCH = 256
NIL = UUID(int=0)
QUEUE = 10_000
"""Letters waiting in line; past it they are left to the sweep, which reads them from the table."""
INBOX_KEPT = timedelta(days=8)
"""Longer than any stream keeps an event, so no redelivery outlives its mark."""
FORGET_EVERY = 3600.0

_REFUSALS = (APIError, MaxPayloadError, NotPermittedError)
"""The stream, the server, or our own client will say the same of this letter again, but not of the others."""


class Outbox:
    """Letters between their commit and their stream. `hand_over` never waits and never fails."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Letter] = asyncio.Queue(QUEUE)

    def hand_over(self, letters: list[Letter]) -> None:
        """Called right after a commit. What does not fit stays in the table, for the sweep."""
        for letter in letters:
            if self._queue.full():
                return
            self._queue.put_nowait(letter)

    async def relay(self, nc: Client, database: Database) -> None:
        """Publish in line, for ever; then forget the rows, a batch at a time."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            if not nc.is_connected:  # each batch would wait for its timeouts, and the queue grow old
                continue
            try:
                await _send(nc, database, batch, "in_line")
            except Exception as error:  # the rows are still there: the sweep takes them
                log.warning("outbox.left_to_sweep", letters=len(batch), error=repr(error))

    async def sweep(self, nc: Client, database: Database, every: float) -> None:
        """Publish what was committed `every` seconds ago and is still in the table, for ever."""
        while True:
            await asyncio.sleep(every)
            try:
                await _sweep_once(nc, database, timedelta(seconds=every))
                DATABASE_UP.set(1)
            except Exception as error:  # the bus's are a letter's own: this one is of the database
                DATABASE_UP.set(0)
                log.warning("outbox.sweep_failed", error=repr(error))


async def _sweep_once(nc: Client, database: Database, older_than: timedelta) -> None:
    """Go through the table once, a page at a time: a letter that is refused holds up none of the others.

    Replicas may sweep the same rows: JetStream drops the copies, and no lock waits on the network.
    """
    due_before, last = datetime.now(UTC) - older_than, NIL
    waiting = await _left_over(database, due_before)
    while waiting and nc.is_connected:
        statement = (
            select(OutboxRow)
            .where(col(OutboxRow.created_at) < due_before, col(OutboxRow.id) > last)
            .order_by(col(OutboxRow.id))
            .limit(BATCH)
        )
        async with database.sessions() as session:
            rows = (await session.scalars(statement)).all()
        letters = [Letter(row.id, row.subject, row.headers, row.body) for row in rows]
        if not letters or not await _send(nc, database, letters, "swept"):
            return  # nobody answers at all: no use in asking for each letter of a long table
        last = letters[-1].id


async def _left_over(database: Database, due_before: datetime) -> int:
    """How many letters have waited since then; the metrics hear of it."""
    created = col(OutboxRow.created_at)
    async with database.sessions() as session:
        counted = await session.execute(select(func.count(), func.min(created)).where(created < due_before))
        waiting, oldest = counted.one()
    WAITING.set(waiting)
    OLDEST.set((datetime.now(UTC) - oldest).total_seconds() if oldest else 0)
    return int(waiting)


async def _send(nc: Client, database: Database, letters: list[Letter], path: str) -> bool:
    """Publish, then forget the rows of those acknowledged. Whether any stream answered, if only to refuse."""
    js = nc.jetstream()

    async def one(letter: Letter) -> str:
        try:
            await (cancel(nc, letter.subject) if PURGE in letter.headers else post(js, letter))
        except Exception as error:
            log.warning("outbox.not_acknowledged", subject=letter.subject, error=repr(error))
            return "refused" if isinstance(error, _REFUSALS) else "unanswered"
        return "sent"

    # All at once, in order of the wire: gather starts them in turn and each writes before it first waits.
    outcomes = await asyncio.gather(*(one(letter) for letter in letters))
    sent = [letter.id for letter, outcome in zip(letters, outcomes, strict=True) if outcome == "sent"]
    PUBLISHED.labels(path).inc(len(sent))
    if sent:
        async with database.sessions.begin() as session:
            await session.execute(delete(OutboxRow).where(col(OutboxRow.id).in_(sent)))
    return any(outcome != "unanswered" for outcome in outcomes)


async def forget_inbox(database: Database) -> None:
    """Drop marks that no redelivery can ask for any more, every hour, for ever."""
    while True:
        await asyncio.sleep(FORGET_EVERY)
        before = datetime.now(UTC) - INBOX_KEPT
        try:
            async with database.sessions.begin() as session:
                await session.execute(delete(InboxRow).where(col(InboxRow.applied_at) < before))
        except Exception as error:  # the database is away; next time, then
            log.warning("inbox.not_forgotten", error=repr(error))
