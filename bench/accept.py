"""Accept: 64 drivers at a time, each taking a job of its own; and 100 drivers after one job (A5, E1).

Over the bus, as edges ask. The peer is the same work as bare SQL on the same server: two conditional updates
and an outbox row in a transaction, by as many connections as matching has.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import httpx
import nats
from nats.aio.client import Client

from bench.harness import Figure, percentile
from contracts.events import JobCreated, SearchStarted
from contracts.ids import new_id
from contracts.models import Job, JobStatus, Place
from contracts.requests import AcceptJob
from contracts.subjects import all_of
from stack.house import House
from stack.running import running
from wire.problem import ProblemError
from wire.publish import publish
from wire.rpc import request

JOBS = 1000
AT_ONCE = 64
RACERS = 100
CONNECTIONS = 20
NOWHERE = Place(address="Point Nemo", lat=-48.9, lng=-123.4)
"""Far from every driver, so that the jobs are in the feed and nobody is offered them."""

PEER_TABLES = """
CREATE TABLE peer_search (id uuid PRIMARY KEY, state text NOT NULL, driver text);
CREATE TABLE peer_driver (id text PRIMARY KEY, active_job uuid UNIQUE);
CREATE TABLE peer_outbox (id uuid PRIMARY KEY, body bytea NOT NULL);
"""

PEER_SEARCH = "UPDATE peer_search SET state = 'assigned', driver = $2 WHERE id = $1 AND state = 'searching'"
PEER_DRIVER = "UPDATE peer_driver SET active_job = $2 WHERE id = $1 AND active_job IS NULL"


def measure(jobs: int = JOBS, racers: int = RACERS) -> list[Figure]:
    """One repetition: a fresh matching with so many open jobs and drivers, and racers after one job more."""
    return asyncio.run(_measure(jobs, racers))


async def _measure(many: int, racing: int) -> list[Figure]:
    drivers = [f"bench-driver-{number}" for number in range(many)]
    racers = [f"bench-racer-{number}" for number in range(racing)]
    async with running(apns=False, services=("matching",)) as house:
        nc = await nats.connect(house.nats_url, **house.nats_operator)
        try:
            await _register(house, [*drivers, *racers])
            jobs, [raced] = await _open(nc, many), await _open(nc, 1)
            ours = await _all(list(zip(drivers, jobs, strict=True)), lambda who, job: _accept(nc, who, job))
            race, winners = await _race(nc, raced, racers)
        finally:
            await nc.close()
        peer = await _peer(house.database_url("matching"), many)
    rate, p99 = many / ours.seconds, percentile(ours.each, 0.99)
    return [
        Figure("accept_per_second", rate, "/s", "bare SQL", many / peer.seconds),
        Figure("accept_p50", percentile(ours.each, 0.5), "ms", "bare SQL", percentile(peer.each, 0.5)),
        Figure("accept_p99", p99, "ms", "bare SQL", percentile(peer.each, 0.99)),
        Figure(f"accept_race_of_{racing}", race, "ms"),
        Figure("accept_race_winners", winners, "drivers"),
    ]


class Taken:
    """`seconds` in all; `each` in milliseconds."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.each: list[float] = []


async def _all(pairs: Sequence[tuple[str, UUID]], accept: Callable[[str, UUID], Awaitable[object]]) -> Taken:
    """Every pair, AT_ONCE side by side."""
    taken, waiting = Taken(), iter(pairs)

    async def one_after_the_other() -> None:
        for driver, job in waiting:
            before = time.perf_counter()
            await accept(driver, job)
            taken.each.append((time.perf_counter() - before) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
    taken.seconds = time.perf_counter() - began
    return taken


async def _accept(nc: Client, driver: str, job: UUID) -> bool:
    try:
        await request(nc, AcceptJob(driver_id=driver, job_id=job))
    except ProblemError:
        return False
    return True


async def _race(nc: Client, job: UUID, racers: Sequence[str]) -> tuple[float, int]:
    """Milliseconds until all are answered, and how many won."""
    before = time.perf_counter()
    won = await asyncio.gather(*(_accept(nc, racer, job) for racer in racers))
    return (time.perf_counter() - before) * 1000, sum(won)


async def _register(house: House, everybody: Sequence[str]) -> None:
    admin = {"Authorization": f"Bearer {house.token('bench', 'admin')}"}
    places = asyncio.Semaphore(20)
    async with httpx.AsyncClient(base_url=house.url, headers=admin, timeout=30) as http:

        async def register(driver: str) -> None:
            async with places:
                body = {"id": driver, "name": driver, "approved": True}
                (await http.post("/v1/drivers", json=body)).raise_for_status()

        await asyncio.gather(*(register(driver) for driver in everybody))


async def _open(nc: Client, many: int) -> list[UUID]:
    """So many open broadcast jobs, once matching has them all."""
    jobs = [new_id() for _ in range(many)]
    begun = await nc.subscribe(all_of(SearchStarted))
    await nc.flush()
    for job_id in jobs:
        await publish(nc.jetstream(), JobCreated(job_id=job_id, customer_id="bench", job=_job(job_id)))
    for _ in jobs:
        await begun.next_msg(timeout=60)
    await begun.unsubscribe()
    return jobs


def _job(job_id: UUID) -> Job:
    now = datetime.now(UTC)
    return Job(
        id=job_id,
        number="WG-1",
        customer_id="bench",
        service_type="haul",
        status=JobStatus.pending,
        version=1,
        pickup=NOWHERE,
        total_price=20,
        created_at=now,
        updated_at=now,
    )


async def _peer(database_url: str, many: int) -> Taken:
    """So many accepts, as bare SQL."""
    drivers, jobs = [f"peer-{number}" for number in range(many)], [new_id() for _ in range(many)]
    async with asyncpg.create_pool(_plain(database_url), min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        await pool.execute(PEER_TABLES)
        await pool.executemany("INSERT INTO peer_driver VALUES ($1)", [(driver,) for driver in drivers])
        await pool.executemany("INSERT INTO peer_search VALUES ($1, 'searching')", [(job,) for job in jobs])

        async def accept(driver: str, job: UUID) -> None:
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute(PEER_SEARCH, job, driver)
                await connection.execute(PEER_DRIVER, driver, job)
                await connection.execute("INSERT INTO peer_outbox VALUES ($1, $2)", new_id(), b"x" * 600)

        return await _all(list(zip(drivers, jobs, strict=True)), accept)


def _plain(url: str) -> str:
    return url.replace("postgresql+asyncpg:", "postgresql:")
