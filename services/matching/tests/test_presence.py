"""Drivers whose socket drops, and drivers who fall silent: over the real bus, patience short or endless."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import nats
import pytest
from nats.aio.msg import Msg
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from contracts.events import DriverState, DriverStatusChanged, OfferCreated, OfferWithdrawn
from contracts.ids import new_id
from contracts.subjects import due, timer
from matching.settings import Settings
from stack.parts import parts
from wire.bootstrap import bootstrap
from wire.envelope import unseal
from wire.migrate import upgrade

from .conftest import KEY, World, free_port, serving
from .edges import bus_edge

PATIENCE = 30
LONG = 3600.0
QUICK = {"grace_seconds": 0.4, "settle_seconds": 0.2, "watch_seconds": 0.1, "silence_seconds": LONG}


class Watched(World):
    """And what became of its drivers."""

    statuses: list[tuple[datetime, DriverStatusChanged]]

    async def on_message(self, message: Msg) -> None:
        received = unseal(message.headers, message.data)
        if isinstance(received.event, DriverStatusChanged):
            self.statuses.append((received.time, received.event))
        await super().on_message(message)

    async def goes_offline(self, driver_id):
        """When, and why; as soon as it is told."""
        async with asyncio.timeout(PATIENCE), self.changed:
            await self.changed.wait_for(lambda: self._offline(driver_id))
        return self._offline(driver_id)[0]

    def _offline(self, driver_id):
        return [
            (when, event.reason)
            for when, event in self.statuses
            if event.driver_id == driver_id and event.state is DriverState.offline and event.version > 1
        ]

    async def row(self, driver_id, holds=lambda _row: True):
        """The driver's row, as soon as this holds for it."""
        query = text("SELECT *, now() FROM driver WHERE id = :id")
        async with asyncio.timeout(PATIENCE), self.engine.connect() as connection:
            while True:
                row = (await connection.execute(query, {"id": driver_id})).one()
                await connection.rollback()
                if holds(row):
                    return row
                await asyncio.sleep(0.02)

    async def set(self, driver_id, **columns):
        """By hand."""
        changes = ", ".join(f"{name} = :{name}" for name in columns)
        async with self.engine.begin() as connection:
            await connection.execute(
                text(f"UPDATE driver SET {changes} WHERE id = :id"), {"id": driver_id, **columns}
            )

    async def registered(self, at=None):
        """An approved driver, offline; its place known, and never too old."""
        driver_id = f"driver-{new_id()}"
        body = {"id": driver_id, "name": "Ada", "approved": True}
        answer = await self.http.post("/v1/drivers", json=body, headers=self.auth("root", "admin"))
        assert answer.status_code == 201, answer.text
        if at:
            await self.moves(driver_id, at, datetime.now(UTC) + timedelta(hours=1))
        return driver_id

    async def consumed(self, stream, durable):
        """Everything that was published to it until now has been dealt with."""
        async with asyncio.timeout(PATIENCE):
            while True:
                info = await self.nc.jetstream().consumer_info(stream, durable)
                if not info.num_pending and not info.num_ack_pending:
                    return
                await asyncio.sleep(0.02)


@asynccontextmanager
async def watched(settings):
    """A matching in this process, and ears on its bus."""
    nc = await nats.connect(settings.nats_url, max_reconnect_attempts=-1, reconnect_time_wait=0.1)
    engine = create_async_engine(settings.database_url.get_secret_value())
    world = Watched(httpx.AsyncClient(), nc, engine, settings)
    world.statuses = []
    for noun in ("offer", "driver.status"):
        await nc.subscribe(f"{noun}.>", cb=world.on_message)
    await nc.flush()
    await nc.flush()
    async with serving(settings) as http:  # now, for what is due is told as soon as matching is there
        world.http = http
        yield world
    await nc.close()
    await engine.dispose()


@pytest.fixture(scope="module")
async def fresh(backend, nats_url):
    """Settings for a matching of one's own on a fresh database; on the module's bus, so one at a time."""
    template = await backend.fresh_database()
    await upgrade("matching", template)

    async def make(bus=None, **settings):
        return Settings(
            nats_url=bus or nats_url,
            database_url=await backend.fresh_database(make_url(template).database),
            database_pool=20,
            http_port=free_port(),
            jwt_key=KEY,
            log_level="error",
            **{**QUICK, **settings},
        )

    return make


@pytest.fixture
async def matching(fresh):
    """Start a matching with these settings."""
    async with AsyncExitStack() as stack:

        async def start(**settings):
            return await stack.enter_async_context(watched(await fresh(**settings)))

        yield start


@pytest.fixture
async def edges(nats_url):
    """Two edges."""
    async with bus_edge(nats_url) as one, bus_edge(nats_url) as two:
        yield one, two


async def test_a_driver_whose_socket_drops_is_offline_after_its_grace(matching, edges):
    """C5"""
    world = await matching()
    driver = await world.registered()
    await edges[0].goes_online(driver)
    dropped = await edges[0].loses(driver)
    when, reason = await world.goes_offline(driver)
    assert reason == "disconnected"
    assert when - dropped >= timedelta(seconds=0.4)
    row = await world.row(driver)
    assert (row.online, row.edge, row.silent_at, row.grace_id) == (False, None, None, None)


async def test_a_driver_who_is_back_on_the_other_edge_stays_online(matching, edges):
    """C5: when its grace is over it is looked for, and found; the next drop counts anew."""
    world = await matching()
    driver = await world.registered()
    await edges[0].goes_online(driver)
    await edges[0].closes(driver)
    await edges[1].opens(driver)
    await edges[0].tells(driver, datetime.now(UTC))
    row = await world.row(driver, lambda row: row.edge == edges[1].id)
    assert (row.online, row.grace_id) == (True, None)
    dropped = await edges[1].loses(driver)
    when, _ = await world.goes_offline(driver)
    assert when - dropped >= timedelta(seconds=0.4)


async def test_the_message_alone_ends_a_grace(matching, edges):
    """C5, E2: no sweep runs."""
    world = await matching(watch_seconds=LONG, settle_seconds=0)
    driver = await world.registered()
    await edges[0].goes_online(driver)
    await edges[0].loses(driver)
    assert (await world.goes_offline(driver))[1] == "disconnected"


async def test_the_sweep_ends_a_grace_whose_message_was_lost(matching, edges):
    """C5, E2, B13: the schedule is purged from the bus, as if it had lost it."""
    world = await matching(grace_seconds=1.5)
    driver = await world.registered()
    await edges[0].goes_online(driver)
    await edges[0].loses(driver)
    row = await world.row(driver, lambda row: row.grace_id)
    await world.nc.jetstream().purge_stream("TIMERS", subject=timer("grace", row.grace_id))
    assert (await world.goes_offline(driver))[1] == "disconnected"


async def test_a_message_that_comes_early_late_or_twice_does_nothing(matching, edges):
    """C5, E2"""
    world = await matching(grace_seconds=LONG)
    js = world.nc.jetstream()

    async def announce(grace_id):
        for _ in range(2):
            await js.publish(due("grace", grace_id), str(grace_id).encode())
        await world.consumed("TIMERS", "matching-graces")

    driver = await world.registered()
    await edges[0].goes_online(driver)
    await edges[0].loses(driver)
    early = (await world.row(driver, lambda row: row.grace_id)).grace_id
    await announce(early)
    row = await world.row(driver)
    assert (row.online, row.grace_id) == (True, early)

    await edges[1].goes_online(driver)
    await edges[1].closes(driver)
    await announce(early)
    row = await world.row(driver)
    assert (row.online, row.grace_id) == (True, None)

    await edges[1].tells(driver, datetime.now(UTC) - timedelta(seconds=LONG - 1))
    await world.consumed("DRIVERS", "matching-drivers")
    assert (await world.row(driver)).grace_id is None, "a drop from before it said online"
    await edges[1].tells(driver, datetime.now(UTC))
    last = (await world.row(driver, lambda row: row.grace_id)).grace_id
    await world.set(driver, grace_until=datetime.now(UTC))
    await announce(last)
    gone = await world.row(driver, lambda row: not row.online)
    await announce(last)
    assert (await world.row(driver)).version == gone.version


async def test_a_grace_that_was_ended_leaves_no_timer(matching, edges):
    """C5, invariant 7"""
    world = await matching(grace_seconds=LONG)
    driver = await world.registered()
    await edges[0].goes_online(driver)
    await edges[0].loses(driver)
    row = await world.row(driver, lambda row: row.grace_id)
    waiting = timer("grace", row.grace_id)

    async def timers():
        info = await world.nc.jetstream().stream_info("TIMERS", subjects_filter=waiting)
        return (info.state.subjects or {}).get(waiting, 0)

    async with asyncio.timeout(PATIENCE):
        while not await timers():
            await asyncio.sleep(0.02)
        await edges[1].goes_online(driver)
        while await timers():
            await asyncio.sleep(0.02)


async def test_drivers_of_an_edge_that_was_killed_are_offline_unless_another_has_them(matching, edges):
    """C5, B13: kill -9 lets it say nothing; nobody answers for it any more."""
    world = await matching()
    gone, moved = await world.registered(), await world.registered()
    for driver in (gone, moved):
        await edges[0].goes_online(driver)
    await edges[1].opens(moved)
    await edges[0].is_killed()
    assert (await world.goes_offline(gone))[1] == "disconnected"
    row = await world.row(moved, lambda row: row.edge == edges[1].id)
    assert (row.online, row.grace_id) == (True, None)


async def test_an_edge_that_does_not_answer_decides_nothing_until_it_is_gone(matching, edges):
    """C5: busy, or cut off; the driver may be there."""
    world = await matching()
    driver = await world.registered()
    await edges[0].goes_online(driver)
    await edges[1].opens(driver)
    edges[1].mute = True
    await edges[0].loses(driver)
    await world.row(driver, lambda row: row.grace_until and row.grace_until + timedelta(seconds=2) < row.now)
    assert (await world.row(driver)).online
    await edges[1].is_killed()
    assert (await world.goes_offline(driver))[1] == "disconnected"


async def test_a_grace_runs_on_while_matching_is_dead(fresh, edges, nats_url):
    """C5, B13: killed with -9 when the driver had just dropped."""
    settings = await fresh(grace_seconds=1)
    env = os.environ | {
        "WAGGLE_NATS_URL": settings.nats_url,
        "WAGGLE_DATABASE_URL": settings.database_url.get_secret_value(),
        "WAGGLE_HTTP_PORT": str(free_port()),
        "WAGGLE_JWT_KEY": KEY,
        "WAGGLE_GRACE_SECONDS": "1",
        "WAGGLE_SETTLE_SECONDS": "60",  # it believes no absence while it lives
        "WAGGLE_LOG_LEVEL": "error",
    }
    async with watched(settings) as world:
        driver, later = await world.registered(), await world.registered()
        for one in (driver, later):
            await edges[0].goes_online(one)
    other = await asyncio.create_subprocess_exec(sys.executable, "-m", "matching", env=env)
    await edges[0].loses(driver)
    await world.row(driver, lambda row: row.grace_id)
    other.kill()
    await other.wait()
    await edges[0].loses(later)
    await world.row(driver, lambda row: row.grace_until < row.now)
    assert (await world.row(driver)).online
    async with watched(settings) as world:
        for one in (driver, later):
            assert (await world.goes_offline(one))[1] == "disconnected"


async def test_a_driver_who_drops_loses_its_offer_and_the_next_one_is_asked(matching, edges):
    """C5, B2: by the message alone."""
    world = await matching(watch_seconds=LONG, settle_seconds=0)
    at = world.place()
    near, spare = await world.registered(at), await world.registered((at[0] + 0.02, at[1]))
    for driver in (near, spare):
        await edges[0].goes_online(driver)
        await world.until_known(driver)
    job = world.job(at)
    await world.created(job)
    assert (await world.hears(OfferCreated, job.id)).driver_id == near
    await edges[0].loses(near)
    withdrawn = await world.hears(OfferWithdrawn, job.id)
    assert (withdrawn.driver_id, withdrawn.reason) == (near, "driver_offline")
    assert (await world.hears(OfferCreated, job.id, lambda one: one.number == 2)).driver_id == spare


async def test_an_offer_left_behind_by_a_process_that_died_is_withdrawn(matching, edges):
    """C5, B13: its driver was offline, the process died, and what follows did not."""
    world = await matching()
    at = world.place()
    driver = await world.registered(at)
    await edges[0].goes_online(driver)
    await world.until_known(driver)
    job = world.job(at)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    await world.set(driver, online=False)
    assert (await world.hears(OfferWithdrawn, job.id)).reason == "driver_offline"


async def test_a_suspended_driver_loses_its_offer(matching, edges):
    """A5, B2: it could not accept it."""
    world = await matching(watch_seconds=LONG)
    at = world.place()
    driver = await world.registered(at)
    await edges[0].goes_online(driver)
    await world.until_known(driver)
    job = world.job(at)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    await world.http.post(f"/v1/drivers/{driver}/suspend", headers=world.auth("root", "admin"))
    assert (await world.hears(OfferWithdrawn, job.id)).driver_id == driver


async def test_a_driver_silent_for_so_long_is_offline_and_one_who_moves_is_not(matching, edges):
    """C4: a socket that is open does not help, and a job under way stays."""
    world = await matching(silence_seconds=2)
    at = world.place()
    moving, silent, working = [await world.registered() for _ in range(3)]
    await world.moves(moving, at, datetime.now(UTC) + timedelta(hours=1))
    for driver in (moving, silent, working):
        await edges[0].goes_online(driver)
    online = (await world.row(silent)).contact_at
    await world.set(working, active_job=new_id(), active_customer="ann")
    when, reason = await world.goes_offline(silent)
    assert reason == "silent"
    assert when - online >= timedelta(seconds=2)
    row = await world.row(working, lambda row: not row.online)
    assert row.active_job
    assert (await world.state(working))["state"] == "busy"
    row = await world.row(moving, lambda row: row.silent_at > row.now + timedelta(minutes=59))
    assert row.online


async def test_a_position_over_http_is_a_word_and_no_grace_begins_without_a_socket(matching):
    """A13, C4, C5: the deadline has come, and is put off to an hour after the position."""
    world = await matching()
    driver = await world.driver(None)
    before = datetime.now(UTC)
    answer = await world.http.post(
        "/v1/drivers/me/location", json={"lat": 1, "lng": 2}, headers=world.auth(driver)
    )
    assert answer.json() == {"used": True}
    await world.nc.flush()
    async with asyncio.timeout(PATIENCE):
        while True:  # once more if the position was not on the map yet
            await world.set(driver, silent_at=datetime.now(UTC))
            row = await world.row(driver, lambda row: row.silent_at > row.now)
            if row.silent_at >= before + timedelta(seconds=LONG):
                break
    assert (row.online, row.edge, row.grace_id) == (True, None, None)


async def test_nobody_is_silent_while_the_bus_is_away(fresh):
    """C4, B13: it is not the drivers who say nothing. Once it is back they have their whole time again."""
    async with parts() as house:
        await bootstrap(house.nats_url)
        async with watched(await fresh(house.nats_url, silence_seconds=2)) as world:
            driver = await world.registered()
            began = datetime.now(UTC)
            await world.set(driver, online=True, silent_at=began + timedelta(seconds=LONG))
            await house.stop("nats")
            await world.row(driver, lambda row: row.now > began + timedelta(seconds=3))
            await world.set(driver, silent_at=began)
            await house.start("nats")
            row = await world.row(driver, lambda row: row.silent_at != began)
            assert row.online
            assert (await world.goes_offline(driver))[1] == "silent"
