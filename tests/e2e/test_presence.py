"""Drivers who drop, over two real edges: back on the other one in time, or offline."""

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import nats
import pytest
from tests.e2e.phone import approved, phone

from contracts.events import DriverState, DriverStatusChanged
from contracts.subjects import status_of_driver
from stack.running import running
from wire.envelope import unseal

PATIENCE_S = 60
HERE = {"lat": 40.75, "lng": -73.98}


@pytest.fixture(scope="module")
async def house():
    """Matching and two edges, with a grace short enough to wait for."""
    env = {"WAGGLE_GRACE_SECONDS": "5", "WAGGLE_SETTLE_SECONDS": "1", "WAGGLE_WATCH_SECONDS": "0.2"}
    async with running(
        services=("matching", "realtime"), replicas={"realtime": 2}, apns=False, durable=False, env=env
    ) as house:
        yield house
        assert house.refused_on_bus() == []


@asynccontextmanager
async def followed(house):
    """A registered driver, and a call that waits until it goes offline and gives the reason."""
    driver_id = f"driver-{uuid4()}"
    await approved(house, driver_id)
    nc = await nats.connect(house.nats_url, **house.nats_operator)
    statuses = await nc.subscribe(status_of_driver(driver_id))
    await nc.flush()

    async def goes_offline():
        while True:
            message = await statuses.next_msg(timeout=PATIENCE_S)
            event = unseal(message.headers, message.data).event
            assert isinstance(event, DriverStatusChanged)
            if event.state is DriverState.offline and event.reason:
                return event.reason

    yield driver_id, goes_offline
    await nc.close()


async def row(house, driver_id, holds):
    """The driver's row, as soon as this holds for it."""
    connection = await asyncpg.connect(house.database_url("matching").replace("+asyncpg", ""))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await connection.fetchrow("SELECT * FROM driver WHERE id = $1", driver_id)
                if holds(found):
                    return found
                await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def test_a_driver_who_is_back_on_the_other_edge_stays_online_and_one_who_is_not_goes_offline(house):
    """C5"""
    async with followed(house) as (driver, goes_offline):
        async with phone(house, driver, "pilot", edge="realtime") as first:
            assert (await first.call("pilot:online", HERE))["ok"]
            here = (await row(house, driver, lambda found: found["edge"]))["edge"]
        await row(house, driver, lambda found: found["grace_id"])
        async with phone(house, driver, "pilot", edge="realtime-2"):
            found = await row(house, driver, lambda found: found["edge"] not in (None, here))
            assert (found["online"], found["grace_id"]) == (True, None)
        assert await goes_offline() == "disconnected"


async def test_when_an_edge_is_killed_its_drivers_are_offline_unless_they_are_on_the_other(house):
    """C5, B13: kill -9."""
    async with (
        followed(house) as (gone, goes_offline),
        followed(house) as (moved, _),
        phone(house, moved, "pilot", edge="realtime"),
        phone(house, gone, "pilot", edge="realtime-2") as one,
        phone(house, moved, "pilot", edge="realtime-2") as other,
    ):
        for app in (one, other):
            assert (await app.call("pilot:online", HERE))["ok"]
        dead = (await row(house, moved, lambda found: found["edge"]))["edge"]
        await house.kill("realtime-2")
        assert await goes_offline() == "disconnected"
        found = await row(house, moved, lambda found: found["edge"] not in (None, dead))
        assert (found["online"], found["grace_id"]) == (True, None)


async def test_a_grace_ends_though_matching_was_killed_while_it_ran(house):
    """C5, B13, E2"""
    async with followed(house) as (driver, goes_offline):
        async with phone(house, driver, "pilot", edge="realtime") as app:
            assert (await app.call("pilot:online", HERE))["ok"]
        await house.kill("matching")
        assert await goes_offline() == "disconnected"
