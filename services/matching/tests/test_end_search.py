"""A cancel heard by request, which booking sends beside the event so that it is heard at once."""

import asyncio

import pytest

from contracts.events import (
    AssignmentReleased,
    Event,
    FeedClosed,
    OfferCreated,
    OfferWithdrawn,
    SearchStarted,
)
from contracts.models import Job, JobStatus
from contracts.requests import EndSearch, SearchOver
from wire.rpc import request

from .conftest import PATIENCE_S, World
from .stopping import Point, stopping


async def ended(world: World, job: Job) -> None:
    """As booking asks for it after the commit of the cancel."""
    off = job.model_copy(update={"status": JobStatus.cancelled})
    assert await request(world.nc, EndSearch(job=off), PATIENCE_S) == SearchOver(job_id=job.id)


async def all_heard(world: World) -> None:
    """Until matching is done with every event there is, and what it said of them was heard."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            consumer = await world.nc.jetstream().consumer_info("DISPATCH", "matching")
            if not consumer.num_ack_pending and not consumer.num_pending:
                break
            await asyncio.sleep(0.05)
    at = world.place()
    driver, last = await world.driver(at), world.job(at)
    await world.created(last)
    await world.hears(OfferCreated, last.id, lambda one: one.driver_id == driver)


async def test_after_the_answer_nobody_can_accept_though_the_event_is_still_to_come(world: World) -> None:
    """B11, DESIGN invariant 3: the event then changes nothing, and nothing is told twice."""
    at = world.place()
    driver = await world.driver(at)
    job = world.job(at)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    await ended(world, job)
    refused = await world.accept(driver, job.id)
    assert (refused.status_code, refused.json()["code"]) == (409, "job_gone")
    assert (await world.hears(OfferWithdrawn, job.id)).driver_id == driver
    before = await world.dispatch(job.id)
    assert before[0]["state"] == "cancelled"

    await world.cancelled(job)
    await all_heard(world)
    await ended(world, job)
    assert await world.dispatch(job.id) == before
    assert len(world.told(OfferWithdrawn, job.id)) == 1


async def test_a_driver_who_has_the_job_is_free_when_it_is_answered(world: World) -> None:
    """B11: and is told once."""
    at = world.place()
    driver = await world.driver(at)
    job = world.job(at, "haul")
    await world.wins(driver, job)
    await ended(world, job)
    assert (await world.state(driver))["state"] == "available"

    other = world.job(at, "haul")
    await world.wins(driver, other)
    await world.cancelled(job)
    await all_heard(world)
    assert (await world.state(driver))["state"] == "busy", "with the other job, which the event leaves alone"
    assert [one.driver_id for one in world.told(AssignmentReleased, job.id)] == [driver]
    closed = [one.status for one in world.told(FeedClosed, job.id)]
    assert closed == [JobStatus.accepted, JobStatus.cancelled]


async def test_a_cancel_asked_before_the_order_is_heard_keeps_the_search_from_starting(world: World) -> None:
    """B11: as the event does, and the event after both changes nothing."""
    at = world.place()
    await world.driver(at)
    job = world.job(at)
    await ended(world, job)
    before = await world.dispatch(job.id)
    await world.created(job)
    await world.cancelled(job)
    await all_heard(world)
    assert await world.dispatch(job.id) == before
    assert [one["state"] for one in before] == ["cancelled"]
    told: list[type[Event]] = [type(one) for one in world.heard if one.job_id == job.id]
    assert SearchStarted not in told
    assert OfferCreated not in told


@pytest.mark.parametrize("first", ["order", "cancel"])
async def test_a_cancel_asked_while_the_order_begins_its_search_ends_it(world: World, first: str) -> None:
    """B11, DESIGN invariant 3: neither sees the other's row, of which the database keeps the first."""
    at = world.place()
    driver = await world.driver(at)
    job = world.job(at)
    point = Point("written, not committed", table="search", when="NEW.job_id = '{job}'", at_commit=True)
    url = world.settings.database_url.get_secret_value()
    async with stopping(url, point, job=job.id) as stop:
        if first == "order":
            await world.created(job)
            await stop.reached()
        ending = asyncio.create_task(ended(world, job))
        if first == "cancel":
            await stop.reached()
            await world.created(job)
        await stop.reached(by=2)
        await stop.let_go()
        await ending
    refused = await world.accept(driver, job.id)
    assert (refused.status_code, refused.json()["code"]) == (409, "job_gone")
    assert [one["state"] for one in await world.dispatch(job.id)] == ["cancelled"]
    await all_heard(world)
    assert bool(world.told(SearchStarted, job.id)) == (first == "order")
