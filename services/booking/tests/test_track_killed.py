"""The track of a job when booking dies on the way of a batch: nothing lost, nothing twice."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import nats
import pytest
from nats.aio.client import Client

from booking import tracking
from contracts.events import JobTracked
from contracts.ids import new_id
from contracts.streams import BOOKING_TRACKING
from contracts.subjects import recorded_track
from wire.bootstrap import ensure_consumer
from wire.consume_batches import consume_batches
from wire.migrate import upgrade
from wire.settings import DatabaseSettings
from wire.sql import open_database

from .people import PATIENCE_S

if TYPE_CHECKING:  # the root's; pytest imports it under no name
    from conftest import Backend

POSITIONS = 50
JOB = """
    INSERT INTO booking (id, number, customer_id, driver_id, service_type, status, version, attempt,
        total_price, created_at, updated_at)
    VALUES ($1, $2, 'ann', 'dan', 'courier', 'en_route', 2, 1, 5, now(), now())
"""


@pytest.fixture
async def database_url(backend: "Backend") -> str:
    url = await backend.fresh_database()
    await upgrade("booking", url)
    return url


@pytest.fixture
async def reader(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    reader = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    yield reader
    await reader.close()


@pytest.fixture
async def nc(nats_url: str) -> AsyncIterator[Client]:
    """What is not acknowledged comes again after a second."""
    nc = await nats.connect(nats_url)
    await nc.jetstream().purge_stream("TRACKING")
    await ensure_consumer(nc, replace(BOOKING_TRACKING, ack_wait=timedelta(seconds=1)))
    yield nc
    await nc.close()


async def driven(nc: Client, reader: asyncpg.Connection) -> UUID:
    """A job with its positions, which nobody has stored."""
    job, now = new_id(), datetime.now(UTC)
    await reader.execute(JOB, job, str(job))
    for number in range(POSITIONS):
        when = now - timedelta(seconds=number)
        one = JobTracked(job_id=job, driver_id="dan", lat=1, lng=2, recorded_at=when)
        await nc.jetstream().publish(recorded_track(job), one.model_dump_json().encode())
    return job


async def all_answered_for(nc: Client) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            info = await nc.jetstream().consumer_info("TRACKING", BOOKING_TRACKING.durable)
            if not info.num_pending and not info.num_ack_pending:
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("when", "stored"), [("before", 0), ("after", POSITIONS)])
async def test_batch_of_a_process_that_is_killed_is_kept_once(  # noqa: PLR0917
    nc: Client, nats_url: str, database_url: str, reader: asyncpg.Connection, when: str, stored: int
) -> None:
    """C11, B13: kill -9 between the statement and its commit, and between the commit and the answers."""
    job = await driven(nc, reader)
    victim = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).parent / "track_victim.py"),
        nats_url,
        database_url,
        when,
        str(POSITIONS),
    )
    assert await victim.wait() == -signal.SIGKILL
    assert await reader.fetchval("SELECT count(*) FROM track") == stored
    info = await nc.jetstream().consumer_info("TRACKING", BOOKING_TRACKING.durable)
    assert info.num_ack_pending == POSITIONS

    settings = DatabaseSettings(database_url=database_url, jwt_key="x" * 32)
    async with open_database(settings, lambda _: None) as database, asyncio.TaskGroup() as group:
        record = tracking.recorder(database, timedelta(days=30))
        task = group.create_task(consume_batches(nc, BOOKING_TRACKING, record))
        await all_answered_for(nc)
        task.cancel()
    kept = await reader.fetch("SELECT job_id FROM track")
    assert [row["job_id"] for row in kept] == [job] * POSITIONS
