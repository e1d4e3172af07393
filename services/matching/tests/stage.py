"""Parts and a matching process that a test may kill, and what is left of a job when it did."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
from nats.aio.client import Client
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from contracts.streams import CONSUMERS, MATCHING_DISPATCH, MATCHING_TIMERS
from contracts.subjects import of_job, parse_dispatch
from stack.house import House
from stack.parts import parts
from wire.bootstrap import bootstrap, ensure_consumer
from wire.migrate import upgrade

from .conftest import World
from .process import PATIENCE_S, Process

STANDING = """
    SELECT s.state || coalesce(': ' || string_agg(o.state, ', ' ORDER BY o.number), '')
        || CASE WHEN EXISTS (SELECT 1 FROM driver WHERE active_job = s.job_id) THEN '; on it' ELSE '' END
    FROM search s LEFT JOIN offer o ON o.search_id = s.id
    WHERE s.job_id = :job GROUP BY s.id, s.state, s.job_id
"""
AT_REST = """
    SELECT NOT EXISTS (SELECT 1 FROM outbox)
        AND NOT EXISTS (SELECT 1 FROM search WHERE job_id = :job AND state = 'searching')
"""
UNACKNOWLEDGED = timedelta(seconds=2)
"""After which a message comes again; sooner than in earnest, to be waited for."""


@dataclass
class Stage:
    """One matching process on a nats-server and a PostgreSQL of its own."""

    house: House
    process: Process
    world: World

    async def standing(self, job_id: UUID) -> str:
        """Its searches and their offers as they are committed: `searching: expired, pending`; or `none`."""
        async with self.world.engine.connect() as connection:
            rows = (await connection.execute(text(STANDING), {"job": job_id})).scalars()
            return "; ".join(rows) or "none"

    async def until_it_stands(self, job_id: UUID, wanted: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await self.standing(job_id) != wanted:
                await asyncio.sleep(0.02)

    async def letters(self, job_id: UUID) -> int:
        """How many letters about this job are committed and not known to be in their stream."""
        statement = text("SELECT count(*) FROM outbox WHERE subject LIKE :about")
        async with self.world.engine.connect() as connection:
            return int((await connection.execute(statement, {"about": f"%.{job_id}.%"})).scalar_one())

    async def until_at_rest(self, job_id: UUID) -> None:
        """Until the search is over, every letter sent, and every message that matching had is acknowledged:
        nothing is to come that could happen twice."""
        async with asyncio.timeout(PATIENCE_S):
            while not (await self._rests(job_id) and await self._has_acknowledged_all()):
                await asyncio.sleep(0.1)

    async def _rests(self, job_id: UUID) -> bool:
        async with self.world.engine.connect() as connection:
            return bool((await connection.execute(text(AT_REST), {"job": job_id})).scalar_one())

    async def _has_acknowledged_all(self) -> bool:
        js = self.world.nc.jetstream()
        for consumer in (MATCHING_DISPATCH, MATCHING_TIMERS):
            info = await js.consumer_info(consumer.stream, consumer.durable)
            if info.num_pending or info.num_ack_pending:
                return False
        return True

    async def history(self, job_id: UUID, drivers: list[str]) -> list[str]:
        """What every consumer gets to hear of the job, in the alphabet's order: letters that were swept may
        have been overtaken. A driver is shown by its number, from 1."""
        told = []
        js = self.world.nc.jetstream()
        heard = await js.subscribe(of_job(job_id), stream=MATCHING_DISPATCH.stream, ordered_consumer=True)
        while True:
            message = await heard.next_msg(timeout=PATIENCE_S)
            about = parse_dispatch(message.subject)
            assert about is not None
            number = f" {drivers.index(about.driver_id) + 1}" if about.driver_id else ""
            told.append(about.type + number)
            if message.metadata.num_pending == 0:
                break
        await heard.unsubscribe()
        return sorted(told)

    async def no_bus(self, *, frozen: bool) -> None:
        """Away; or there, and not answering."""
        if frozen:
            os.kill(self.house.pid("nats"), signal.SIGSTOP)
        else:
            await self.house.stop("nats")

    async def bus_again(self, *, frozen: bool) -> None:
        if frozen:
            os.kill(self.house.pid("nats"), signal.SIGCONT)
        else:
            await self.house.start("nats")
        async with asyncio.timeout(PATIENCE_S):
            while not self.world.nc.is_connected:
                await asyncio.sleep(0.05)


async def _quiet(_error: Exception) -> None:
    """nats-py would print a traceback each time that the server is away."""


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    """Logs go to `folder`."""
    async with parts() as house:
        url = await house.fresh_database()
        await upgrade("matching", url)
        await bootstrap(house.nats_url)
        process, nc = Process(house.nats_url, url, folder / "matching.log"), Client()
        engine = create_async_engine(url, connect_args={"server_settings": {"application_name": "test"}})
        await nc.connect(house.nats_url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=_quiet)  # type: ignore[arg-type]  # any seconds will do
        try:
            for consumer in CONSUMERS:
                await ensure_consumer(nc, replace(consumer, ack_wait=UNACKNOWLEDGED))
            await process.start()
            async with httpx.AsyncClient(base_url=process.url, timeout=PATIENCE_S) as http:
                world = World(http, nc, engine, process.settings)
                await nc.subscribe("driver.status.>", cb=world.on_message)
                await nc.subscribe("offer.>", cb=world.on_message)
                yield Stage(house, process, world)
        finally:
            await process.kill()
            await nc.close()
            await engine.dispose()
