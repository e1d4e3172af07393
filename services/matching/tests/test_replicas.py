"""Several processes of matching on one database and bus: each owns its regions, and listens around them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from h3.api import basic_str as h3
from nats.aio.client import Client
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from contracts.events import AssignmentCreated, OfferCreated, SearchStarted
from matching.regions import owner_of, region_of
from matching.settings import Settings
from wire.migrate import upgrade

from .conftest import KEY, World, free_port

pytestmark = pytest.mark.timeout(600)  # each of them starts processes

PATIENCE = 60.0
"""Seconds to wait for what has to come, on a machine that is busy with other things."""
NO_SWEEP = 3600.0


@dataclass
class Replica:
    """One process; `id`: by which it is known to the others."""

    process: asyncio.subprocess.Process
    http: httpx.AsyncClient
    id: str

    async def metric(self, name: str) -> float:
        lines = (await self.http.get("/metrics")).text.splitlines()
        return sum(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    async def is_killed(self) -> None:
        """SIGKILL: it tells nobody."""
        self.process.kill()
        await self.process.wait()

    async def leaves(self) -> None:
        """SIGTERM: it says so."""
        self.process.terminate()
        await self.process.wait()


@dataclass
class Fleet:
    """Replicas on one database. `world.http` is the first of them."""

    world: World
    nats_url: str
    database_url: str
    stack: AsyncExitStack
    replicas: list[Replica] = field(default_factory=list)

    async def start(self, **settings: float) -> Replica:
        """One more, ready."""
        before, port = await self._ids(), free_port()
        env = {
            **os.environ,
            "WAGGLE_NATS_URL": self.nats_url,
            "WAGGLE_DATABASE_URL": self.database_url,
            "WAGGLE_DATABASE_POOL": "10",
            "WAGGLE_HTTP_PORT": str(port),
            "WAGGLE_JWT_KEY": KEY,
            "WAGGLE_LOG_LEVEL": "error",
            "WAGGLE_SILENCE_SECONDS": "3600",
            **{f"WAGGLE_{name.upper()}": str(value) for name, value in settings.items()},
        }
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "matching", env=env)
        self.stack.push_async_callback(_end, process)
        http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE)
        await self.stack.enter_async_context(http)
        async with asyncio.timeout(PATIENCE):
            while not await _ready(http):
                assert process.returncode is None, "the process ended"
                await asyncio.sleep(0.05)
        [new] = await self._ids() - before
        self.replicas.append(Replica(process, http, new))
        if not before:
            await self._patient(http)
        return self.replicas[-1]

    async def _patient(self, http: httpx.AsyncClient) -> None:
        """On a slow machine no offer lapses and no position grows stale by accident."""
        self.world.http = http
        await self.world.rules("courier", offer_seconds=3600, search_seconds=3600, stale_seconds=3600)
        await self.world.rules("haul", "broadcast", stale_seconds=3600)

    async def _ids(self) -> set[str]:
        return {str(one) for one in await self._column("SELECT id FROM replica")}

    async def _column(self, query: str) -> list[Any]:
        async with self.world.engine.connect() as connection:
            return list((await connection.execute(text(query))).scalars())

    async def settled(self, *replicas: Replica) -> None:
        """Each of these has its share of all regions, and nobody else has any."""
        ids = [one.id for one in replicas]
        async with asyncio.timeout(PATIENCE):
            for one in replicas:
                while await one.metric("waggle_regions_owned") != sum(
                    owner_of(region, ids) == one.id
                    for region in await self._column("SELECT cell FROM region")
                ):
                    await asyncio.sleep(0.05)

    def place_of(self, owner: Replica, *others: Replica, near: tuple[float, float] | None = None):
        """A place in a region of this replica, far from every other test's, or near one of them."""
        ids = [one.id for one in (owner, *others)]
        while True:
            at = near or self.world.place()
            cells = h3.grid_disk(region_of(*at), 1)
            mine = [cell for cell in cells if owner_of(cell, ids) == owner.id]
            if mine:
                return h3.cell_to_latlng(mine[0])

    async def offered(self, job: Any, *drivers: str) -> None:
        """Exactly these drivers have been offered the job, each once, as soon as all of them were."""
        async with asyncio.timeout(PATIENCE), self.world.changed:
            await self.world.changed.wait_for(lambda: set(drivers) <= set(self.asked(job)))
        assert sorted(self.asked(job)) == sorted(drivers)

    def asked(self, *jobs: Any) -> list[str]:
        """The drivers of all offers of these jobs. What a killed process published may be published again."""
        told = {one.offer_id: one for job in jobs for one in self.world.told(OfferCreated, job.id)}
        return [str(one.driver_id) for one in told.values()]


async def _ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


@asynccontextmanager
async def _fleet(backend: Any, nats_url: str) -> AsyncIterator[Fleet]:
    url = await backend.fresh_database()
    await upgrade("matching", url)
    nc, engine = Client(), create_async_engine(url)
    settings = Settings(nats_url=nats_url, database_url=url, jwt_key=KEY)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        await nc.connect(nats_url)
        stack.push_async_callback(nc.close)
        world = World(httpx.AsyncClient(), nc, engine, settings)
        for noun in ("search", "offer", "assignment", "feed", "driver.status"):
            await nc.subscribe(f"{noun}.>", cb=world.on_message)
        yield Fleet(world, nats_url, url, stack)


@pytest.fixture
async def fleet(backend: Any, nats_url: str) -> AsyncIterator[Fleet]:
    async with _fleet(backend, nats_url) as fleet:
        yield fleet


async def test_whoever_hears_of_a_job_its_regions_owner_looks_for_drivers(fleet):
    """B1, B5, A9: without the sweep, which would find it too. The feed is the same wherever one asks."""
    one, two = [await fleet.start(sweep_seconds=NO_SWEEP) for _ in range(2)]
    world = fleet.world
    world.http = one.http
    at = fleet.place_of(one, two)
    first, second = await world.driver(at), await world.driver(shifted(at, 2))
    await fleet.settled(one, two)
    world.http = two.http  # it owns nothing there, and is told everything from now on
    jobs = [world.job(at) for _ in range(2)]
    await world.created(jobs[0])
    await fleet.offered(jobs[0], first)
    before = await two.metric("waggle_asks_forwarded_total")
    assert (await world.decline(first, jobs[0].id)).status_code == 200
    await fleet.offered(jobs[0], first, second)
    assert await two.metric("waggle_asks_forwarded_total") > before
    haul = world.job(at, "haul")
    await world.created(haul)
    await fleet.offered(haul, first, second)
    for replica in (one, two):
        feed = await replica.http.get("/v1/jobs/available", headers=world.auth(first))
        assert [item["id"] for item in feed.json()["items"]] == [str(haul.id)]
    answers = await asyncio.gather(*(world.accept(driver, haul.id) for driver in (first, second)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_the_first_job_ever_in_a_region_is_not_left_to_the_sweep(fleet):
    """B1: the driver came there from elsewhere, so that nobody has listened there before."""
    one = await fleet.start(sweep_seconds=NO_SWEEP, regions_seconds=NO_SWEEP)
    fleet.world.http = one.http
    driver, at = await fleet.world.driver(None), fleet.world.place()
    await fleet.world.moves(driver, at)
    job = fleet.world.job(at)
    await fleet.world.created(job)
    await fleet.offered(job, driver)


async def test_many_jobs_at_once_find_their_owners(fleet):
    """E1: whichever replica takes each of them off the bus, no driver has two exclusive offers."""
    one, two = [await fleet.start() for _ in range(2)]
    world = fleet.world
    world.http = one.http
    places = [fleet.place_of(one, two), fleet.place_of(two, one)] * 8
    drivers = [await world.driver(at) for at in places]
    await fleet.settled(one, two)
    jobs = [world.job(at) for at in places]
    await asyncio.gather(*(world.created(job) for job in jobs))
    asked = [(await hears(world, OfferCreated, job)).driver_id for job in jobs]
    assert sorted(asked) == sorted(drivers)


async def test_a_driver_just_across_a_border_is_found(fleet):
    """B2, A1: the region it is in belongs to another replica."""
    one, two = [await fleet.start(sweep_seconds=NO_SWEEP) for _ in range(2)]
    world = fleet.world
    world.http = two.http
    here, there = _across_a_border(fleet, one, two)
    driver = await world.driver(there)
    await fleet.settled(one, two)
    job = world.job(here)
    await world.created(job)
    await fleet.offered(job, driver)
    await world.decline(driver, job.id)
    further = await world.driver(there)
    haul = world.job(here, "haul")
    await world.created(haul)
    await fleet.offered(haul, driver, further)


async def test_the_regions_of_a_killed_replica_go_to_the_other_when_its_lease_is_over(fleet):
    """B13, B6, E1: searches that waited for it go on, and nobody is asked twice."""
    lease = {"lease_seconds": 3.0, "regions_seconds": 0.5}
    one, two = await fleet.start(**lease), await fleet.start(**lease)
    world = fleet.world
    world.http = two.http
    at = fleet.place_of(one, two)
    drivers = [await world.driver(shifted(at, km)) for km in (0, 1, 2, 3)]
    await fleet.settled(one, two)
    declined, left = world.job(at), world.job(at)
    await world.created(declined)
    await fleet.offered(declined, drivers[0])
    await world.created(left)
    await fleet.offered(left, drivers[1])
    await one.is_killed()
    waiting, haul = world.job(at), world.job(at, "haul")
    await world.created(waiting)
    await world.created(haul)
    assert (await world.decline(drivers[0], declined.id)).status_code == 200
    await hears(world, SearchStarted, waiting)
    await fleet.offered(haul, *drivers)
    await fleet.settled(two)
    await hears(world, OfferCreated, waiting)
    await hears(world, OfferCreated, declined, number=2)
    assert (await world.accept(drivers[1], left.id)).status_code == 200
    assert (await hears(world, AssignmentCreated, left)).driver_id == drivers[1]
    for job in (declined, left, waiting, haul):
        asked = fleet.asked(job)
        assert len(asked) == len(set(asked))


async def test_a_replica_that_comes_takes_its_share_and_one_that_leaves_gives_it_back_at_once(fleet):
    """B13: jobs ordered meanwhile all find a driver. No lease runs out in this test."""
    one = await fleet.start(lease_seconds=3600)
    world = fleet.world
    world.http = one.http
    places = [world.place() for _ in range(12)]
    for at in places:
        for _ in range(3):
            await world.driver(at)
    await fleet.settled(one)
    jobs = []

    async def order() -> None:
        for at in places:
            jobs.append(world.job(at))
            await world.created(jobs[-1])
            await asyncio.sleep(0)

    _, two = await asyncio.gather(order(), fleet.start(lease_seconds=3600))
    await fleet.settled(one, two)
    assert await two.metric("waggle_regions_owned") > 0
    await order()
    await asyncio.gather(order(), two.leaves())
    await fleet.settled(one)
    for job in jobs:
        await hears(world, OfferCreated, job)
    assert len(set(fleet.asked(*jobs))) == 3 * len(places)


def shifted(at, km):
    """So many kilometres north."""
    return at[0] + km / 111.2, at[1]


async def hears(world: World, kind: Any, job: Any, **fields: Any) -> Any:
    """The first such event about the job, as soon as it is there."""

    def found():
        for one in world.told(kind, job.id):
            if all(getattr(one, name) == value for name, value in fields.items()):
                return one
        return None

    async with asyncio.timeout(PATIENCE), world.changed:
        return await world.changed.wait_for(found)


def _across_a_border(fleet: Fleet, one: Replica, two: Replica):
    """Two places 2 km apart; the first is in a region of `one`, the second in one of `two`."""
    ids = [one.id, two.id]
    while True:
        here = region_of(*fleet.world.place())
        there = next((cell for cell in h3.grid_ring(here, 1) if owner_of(cell, ids) == two.id), None)
        if owner_of(here, ids) != one.id or there is None:
            continue
        a, b = h3.cell_to_latlng(here), h3.cell_to_latlng(there)
        on_the_way = [(a[0] + (b[0] - a[0]) * n / 1000, a[1] + (b[1] - a[1]) * n / 1000) for n in range(1001)]
        border = next(n for n, place in enumerate(on_the_way) if region_of(*place) != here)
        near, far = on_the_way[border - 15], on_the_way[border + 15]
        if region_of(*far) == there:
            return near, far
