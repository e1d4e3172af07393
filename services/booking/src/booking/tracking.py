"""Where the drivers of jobs were, kept in batches (C3, C11).

A position is known by its job, time and driver: stored again, it stays one. Nobody but a job's own driver
writes its history.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite
from uuid import UUID

import structlog
from nats.aio.msg import Msg
from pydantic import ValidationError
from sqlalchemy import ARRAY, DateTime, Uuid, any_, delete, literal, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from booking.domain import ENDED
from booking.store import BookingRow
from contracts.events import JobTracked
from contracts.subjects import recorded_track
from wire.consume_batches import ApplyBatch
from wire.envelope import UndecodableError
from wire.held import RejectedError
from wire.sql import Database

log = structlog.get_logger()

CLOCKS_APART = timedelta(minutes=5)
"""A position from further in the future was never recorded."""
UNHEARD = timedelta(minutes=10)
"""How long the news of an assignment may take to get here after the driver's first position on the job."""
FORGOTTEN_AT_ONCE = 10_000
FORGET_EVERY = 3600.0
"""Seconds."""


class TrackRow(SQLModel, table=True):
    """One position. Degrees (WGS 84), degrees from north, metres a second."""

    __tablename__ = "track"
    job_id: UUID = Field(primary_key=True)
    recorded_at: datetime = Field(sa_type=DateTime(timezone=True), primary_key=True)
    driver_id: str = Field(primary_key=True)
    lat: float
    lng: float
    heading: float | None = None
    speed: float | None = None


class NotAssignedError(Exception):
    """The job has no driver yet, as far as booking has heard."""


Job = tuple[str | None, str]
"""Its driver and its status."""


def recorder(database: Database, kept: timedelta) -> ApplyBatch:
    """Stores the positions of one batch in one statement."""

    async def apply(messages: Sequence[Msg]) -> list[Exception | None]:
        now = datetime.now(UTC)
        read = [_read(message, now, kept) for message in messages]
        tracked = [one for one in read if isinstance(one, JobTracked)]
        async with database.transaction() as tx:
            jobs = await _jobs(tx.session, {one.job_id for one in tracked})
            outcomes = [
                _fault(one, jobs, now - message.metadata.timestamp) if isinstance(one, JobTracked) else one
                for message, one in zip(messages, read, strict=True)
            ]
            good = [
                one
                for one, fault in zip(read, outcomes, strict=True)
                if isinstance(one, JobTracked) and fault is None
            ]
            await _store(tx.session, good)
        return outcomes

    return apply


def _read(message: Msg, now: datetime, kept: timedelta) -> JobTracked | UndecodableError | RejectedError:
    try:
        tracked = JobTracked.model_validate_json(message.data)
    except ValidationError as error:
        return UndecodableError(f"not a position: {error.errors(include_url=False, include_input=False)}")
    if message.subject != recorded_track(tracked.job_id):
        return UndecodableError(f"a position of job {tracked.job_id}, on the subject of another")
    if not all(isfinite(one or 0) for one in (tracked.heading, tracked.speed)):
        return UndecodableError("heading and speed must be numbers")
    if not now - kept <= tracked.recorded_at <= now + CLOCKS_APART:
        return RejectedError(f"recorded at {tracked.recorded_at}, which is too long ago or to come")
    return tracked


async def _jobs(session: AsyncSession, ids: set[UUID]) -> Mapping[UUID, Job]:
    wanted = select(col(BookingRow.id), col(BookingRow.driver_id), col(BookingRow.status))
    rows = await session.execute(wanted.where(col(BookingRow.id) == any_(literal(list(ids), ARRAY(Uuid)))))
    return {job_id: (driver, status) for job_id, driver, status in rows}


def _fault(tracked: JobTracked, jobs: Mapping[UUID, Job], age: timedelta) -> Exception | None:
    if tracked.job_id not in jobs:
        return RejectedError("no such job")
    driver, status = jobs[tracked.job_id]
    if driver == tracked.driver_id:
        return None
    if driver is None and status not in ENDED and age < UNHEARD:
        return NotAssignedError(str(tracked.job_id))  # a driver's own edge knows of its win before us
    return RejectedError("not by the job's driver")


# One statement whatever the number of rows, so that it is prepared once; in the order of the key, so that two
# replicas that store the same positions do not wait for each other in a circle.
_STORE = text("""
    INSERT INTO track (job_id, recorded_at, driver_id, lat, lng, heading, speed)
    SELECT * FROM unnest(
        CAST(:job_id AS uuid[]), CAST(:recorded_at AS timestamptz[]), CAST(:driver_id AS text[]),
        CAST(:lat AS float8[]), CAST(:lng AS float8[]), CAST(:heading AS float8[]), CAST(:speed AS float8[])
    ) ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING
""")
_COLUMNS = ("job_id", "recorded_at", "driver_id", "lat", "lng", "heading", "speed")


async def _store(session: AsyncSession, good: Sequence[JobTracked]) -> None:
    if good:
        columns = {name: [getattr(one, name) for one in good] for name in _COLUMNS}
        await session.execute(_STORE, columns)


async def page(
    session: AsyncSession, booking_id: UUID, *, after: datetime | None, limit: int
) -> list[TrackRow]:
    """Positions of a job's driver, oldest first. They are at least a moment apart, so time is the cursor."""
    statement = select(TrackRow).where(col(TrackRow.job_id) == booking_id)
    if after is not None:
        statement = statement.where(col(TrackRow.recorded_at) > after)
    return list(await session.scalars(statement.order_by(col(TrackRow.recorded_at)).limit(limit)))


async def forget(database: Database, kept: timedelta) -> None:
    """Drop positions older than `kept`, every hour, for ever."""
    while True:
        try:
            while await forget_some(database, datetime.now(UTC) - kept) == FORGOTTEN_AT_ONCE:
                pass
        except Exception as error:  # the database is away; next time, then
            log.warning("tracks.not_forgotten", error=repr(error))
        await asyncio.sleep(FORGET_EVERY)


async def forget_some(database: Database, before: datetime) -> int:
    """A piece that does not take long; how many they were."""
    oldest = select(col(TrackRow.job_id), col(TrackRow.recorded_at), col(TrackRow.driver_id))
    piece = oldest.where(col(TrackRow.recorded_at) < before).limit(FORGOTTEN_AT_ONCE)
    key = tuple_(col(TrackRow.job_id), col(TrackRow.recorded_at), col(TrackRow.driver_id))
    async with database.transaction() as tx:
        gone = await tx.session.execute(
            delete(TrackRow).where(key.in_(piece)).returning(col(TrackRow.job_id))
        )
        return len(gone.all())
