"""Matching while the bus is away. On a nats-server of its own, which it stops."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from contracts.events import OfferCreated
from stack.parts import parts
from wire.bootstrap import bootstrap
from wire.envelope import unseal

from .conftest import PATIENCE_S

JOBS = 12
"""Were each accept held up by the bus, until its publish gives up after 5 s, they would take a minute."""


@pytest.fixture(scope="module")
async def house():
    async with parts() as house:
        await bootstrap(house.nats_url)
        yield house


@pytest.fixture(scope="module")
async def nats_url(house):
    """For the `world` of this module."""
    return house.nats_url


@asynccontextmanager
async def bus_away(world, house):
    await house.stop("nats")
    async with asyncio.timeout(PATIENCE_S):
        while (await world.http.get("/readyz")).status_code == 200:
            await asyncio.sleep(0.05)
    try:
        yield
    finally:
        await house.start("nats")
    async with asyncio.timeout(PATIENCE_S):
        while not world.nc.is_connected or (await world.http.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.05)


async def stored(world, subject):
    """The first event of this subject in the stream, once it is there."""
    events = await world.nc.jetstream().subscribe(subject, ordered_consumer=True)
    message = await events.next_msg(timeout=PATIENCE_S)
    await events.unsubscribe()
    return unseal(message.headers, message.data).event


async def test_accepts_are_answered_at_once_while_the_bus_is_away(world, house):
    """A11, A5, DESIGN invariant 5: one winner each, told of when the bus is back, like the feeds."""
    taken = []
    for _ in range(JOBS):
        at = world.place()
        winner, job = await world.driver(at), world.job(at, "haul")
        await world.created(job)
        await world.hears(OfferCreated, job.id)
        taken.append((job, winner))
    other = await world.driver(world.place())
    async with bus_away(world, house):
        async with asyncio.timeout(PATIENCE_S):
            for job, winner in taken:
                assert (await world.accept(winner, job.id)).status_code == 200
        job, winner = taken[0]
        late = await world.accept(other, job.id)
        assert (late.status_code, late.json()["code"]) == (409, "already_accepted")
        assert (await world.accept(winner, job.id)).status_code == 200
        assert (await world.state(winner))["active_job_id"] == str(job.id)
    for job, winner in taken:
        assert (await stored(world, f"assignment.created.{job.id}.>")).driver_id == winner
        assert (await stored(world, f"feed.closed.{job.id}.>")).driver_id == winner


async def test_a_decline_is_answered_and_the_next_is_asked_while_the_bus_is_away(world, house):
    """A11, B5: the offer is there at once, for who looks; its letter follows."""
    at = world.place()
    first, second = await world.driver(at), await world.driver((at[0] + 0.01, at[1]))
    job = world.job(at)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    async with bus_away(world, house):
        assert (await world.decline(first, job.id)).status_code == 200
        assert [one["state"] for one in await world.offers(job.id)] == ["declined", "pending"]
        assert (await world.accept(second, job.id)).status_code == 200
    assert (await stored(world, f"offer.declined.{job.id}.>")).driver_id == first
    assert (await stored(world, f"assignment.created.{job.id}.>")).driver_id == second


async def test_a_position_is_refused_while_the_bus_is_away(world, house):
    """A13: a clear answer, for nobody could be told; and it counts for nothing."""
    driver = await world.driver(None)
    headers, here = world.auth(driver), {"lat": 1, "lng": 1}
    path = "/v1/drivers/me/location"
    async with bus_away(world, house):
        refused = await world.http.post(path, json=here, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert (await world.http.post(path, json=here, headers=headers)).json() == {"used": True}
