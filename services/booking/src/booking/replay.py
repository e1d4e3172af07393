"""`python -m booking.replay`: what the streams know and a database that was restored does not.

For the time since the restored point, as far as the stream goes back (7 days), while the service is stopped.
It may be run again: a job is taken over only at a higher version, a decision of matching's only if it was not
applied. What does not come back: that time's Idempotency-Keys, and its positions in the jobs' tracks.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import BigInteger, cast, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.bus import HANDLERS
from booking.store import NUMBER_SEQUENCE, BookingRow
from contracts.access import RECOVERY
from contracts.events import JobEvent
from contracts.streams import BOOKING_DISPATCH, DISPATCH
from wire import direct
from wire.connection import connect
from wire.envelope import UndecodableError, unseal
from wire.inbox import once
from wire.problem import ProblemError
from wire.settings import DatabaseAccess
from wire.sql import Database, open_database

log = structlog.get_logger()

AT_ONCE = 500
JOBS = "job.>"
One = TypeVar("One")


@dataclass
class Replayed:
    """How many jobs were behind the stream, and how many decisions had not been applied."""

    jobs: int
    decisions: int


async def replay(nc: Client, database: Database) -> Replayed:
    """Jobs first, for their events carry all of them; then what matching decided since."""
    behind: set[UUID] = set()  # a job may be in several batches
    async for batch in _batches(direct.matching(nc, DISPATCH.name, JOBS)):
        behind |= await _take_over(database, _newest(batch))
    async with database.transaction() as tx:
        await _go_on_counting(tx.session)
    before = await _applied(database)
    apply = once(database, BOOKING_DISPATCH.durable, HANDLERS)
    for decisions in BOOKING_DISPATCH.filters:
        async with aclosing(direct.matching(nc, DISPATCH.name, decisions)) as messages:
            async for message in messages:
                await _apply(apply, message)
    return Replayed(len(behind), await _applied(database) - before)


async def _batches(messages: AsyncIterator[One]) -> AsyncIterator[list[One]]:
    batch: list[One] = []
    async for message in messages:
        batch.append(message)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    yield batch


def _newest(messages: Iterable[Msg]) -> dict[UUID, JobEvent]:
    found: dict[UUID, JobEvent] = {}
    for message in messages:
        try:
            event = unseal(message.headers, message.data).event
        except UndecodableError as error:
            log.warning("replay.undecodable", subject=message.subject, error=str(error))
            continue
        if isinstance(event, JobEvent):
            known = found.setdefault(event.job_id, event)
            found[event.job_id] = max(known, event, key=lambda one: one.job.version)
    return found


async def _take_over(database: Database, told: dict[UUID, JobEvent]) -> set[UUID]:
    """Rows of these jobs, where there was none or an older one; which those were."""
    if not told:
        return set()
    rows = [_row(event) for _, event in sorted(told.items())]
    statement = insert(BookingRow).values(rows)
    changes = {name: statement.excluded[name] for name in rows[0] if name != "id"}
    newer = statement.excluded["version"] > col(BookingRow.version)
    statement = statement.on_conflict_do_update(index_elements=["id"], set_=changes, where=newer)
    async with database.transaction() as tx:
        return set(await tx.session.scalars(statement.returning(col(BookingRow.id))))


def _row(event: JobEvent) -> dict[str, Any]:
    row = event.job.model_dump(include=set(BookingRow.model_fields))
    return row | {"driver_id": event.driver_id, "status": event.job.status.value}


async def _go_on_counting(session: AsyncSession) -> None:
    """Numbers that were given in that time are not given again."""
    number = cast(func.substr(col(BookingRow.number), 4), BigInteger)
    await session.execute(select(func.setval(NUMBER_SEQUENCE.name, func.max(number))))


async def _applied(database: Database) -> int:
    async with database.transaction() as tx:
        query = text("SELECT count(*) FROM inbox WHERE consumer = :consumer")
        return await tx.session.scalar(query, {"consumer": BOOKING_DISPATCH.durable}) or 0


async def _apply(apply: Any, message: Msg) -> None:
    try:
        await apply(message)
    except (UndecodableError, ProblemError) as error:
        log.warning("replay.not_applied", subject=message.subject, error=str(error))


async def main(settings: DatabaseAccess) -> Replayed:
    """Connect, to the bus as `RECOVERY`, and replay. What it decides waits in the outbox for the service."""
    nc = Client()
    async with (
        open_database(settings, lambda _letters: None) as database,
        connect(nc, settings.nats_url, name=RECOVERY, access=settings.access),
    ):
        return await replay(nc, database)


if __name__ == "__main__":
    found = asyncio.run(main(DatabaseAccess()))
    print(f"{found.jobs} jobs were behind, {found.decisions} decisions of matching had not been applied")
