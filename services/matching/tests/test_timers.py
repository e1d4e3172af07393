"""Deadlines by the timers on the bus alone: neither the sweep nor the watch over drivers ever runs here."""

import asyncio

import pytest

from contracts.events import (
    OfferCreated,
    OfferDeclined,
    OfferExpired,
    OfferWithdrawn,
    SearchFailed,
    SearchFailure,
    SearchTimedOut,
)
from contracts.streams import MATCHING_TIMERS
from contracts.subjects import due, timer

from .conftest import PATIENCE_S

NEVER = 86_400
LONG = 3_600


@pytest.fixture(scope="module")
def changes():
    return {"sweep_seconds": NEVER, "watch_seconds": NEVER}


def north(at, km):
    return at[0] + km / 111.2, at[1]


async def waiting(world, *subjects):
    """Which of these schedules the bus keeps."""
    info = await world.nc.jetstream().stream_info("TIMERS", subjects_filter="timer.>")
    return set(subjects) & set(info.state.subjects or {})


async def until_waiting(world, subjects, expected):
    """Until the bus keeps exactly the expected ones of these schedules."""
    async with asyncio.timeout(PATIENCE_S):
        while await waiting(world, *subjects) != set(expected):
            await asyncio.sleep(0.02)


async def offered(world, service_type, drivers=1):
    """A new job with an offer to the first of these drivers; the job, the offer and its timers."""
    at = world.place()
    for km in range(1, drivers + 1):
        await world.driver(north(at, km))
    job = world.job(at, service_type)
    await world.created(job)
    offer = await world.hears(OfferCreated, job.id)
    timers = timer("offer", offer.offer_id), timer("search", offer.search_id)
    await until_waiting(world, timers, timers)
    return job, offer, timers


async def test_the_timer_alone_ends_an_offer_and_the_next_driver_is_tried_and_nobody_twice(world):
    """B4, B6, E2: who let an offer lapse is not asked again."""
    brief = await world.rules("brief-offers", offer_seconds=0.5, search_seconds=LONG)
    at = world.place()
    drivers = [await world.driver(north(at, km)) for km in (1, 2)]
    job = world.job(at, brief)
    await world.created(job)
    failed = await world.hears(SearchFailed, job.id)
    assert (failed.reason, failed.tried) == (SearchFailure.none_in_area, 2)
    offers = [(one["driver_id"], one["state"]) for one in await world.offers(job.id)]
    assert offers == [(driver, "expired") for driver in drivers]
    for driver in drivers:
        await world.hears(OfferExpired, job.id, lambda one, d=driver: one.driver_id == d)


async def test_the_timer_alone_ends_a_search_and_withdraws_its_offer(world):
    """B9, E2"""
    brief = await world.rules("brief-searches", offer_seconds=LONG, search_seconds=0.5)
    at = world.place()
    driver = await world.driver(at)
    job = world.job(at, brief)
    await world.created(job)
    assert (await world.hears(SearchTimedOut, job.id)).tried == 1
    withdrawn = await world.hears(OfferWithdrawn, job.id)
    assert (withdrawn.driver_id, withdrawn.reason) == (driver, "search_timed_out")
    await until_waiting(world, [timer("offer", withdrawn.offer_id)], [])


async def test_the_timer_alone_climbs_the_ladder(world):
    """B4, E5: each step's offers lapse, the last step lasts as long as the search."""
    step = {"offer_seconds": 0.3}
    ladder = await world.rules(
        "brief-ladder",
        steps=[
            step | {"policy": "cascade", "tries": 1},
            step | {"policy": "group", "at_once": 2},
            {"policy": "broadcast"},
        ],
        search_seconds=None,
    )
    at = world.place()
    drivers = [await world.driver(north(at, km)) for km in (1, 2, 3, 4)]
    job = world.job(at, ladder)
    await world.created(job)
    await world.hears(OfferCreated, job.id, lambda one: one.driver_id == drivers[3])
    offers = [(one["rung"], one["state"]) for one in await world.offers(job.id)]
    assert offers == [(0, "expired"), (1, "expired"), (1, "expired"), (2, "pending")]


async def test_a_decline_asks_the_next_driver_at_once(world):
    """B5: no sweep does it."""
    job, offer, _ = await offered(world, "courier", drivers=2)
    assert (await world.decline(offer.driver_id, job.id)).status_code == 200
    assert (await world.hears(OfferCreated, job.id, lambda one: one.number == 2)).driver_id != offer.driver_id
    assert (await world.hears(OfferDeclined, job.id)).offer_id == offer.offer_id


@pytest.mark.parametrize("why", ["goes offline", "is suspended", "is busy"])
async def test_a_driver_who_can_no_longer_take_it_passes_its_offer_on_at_once(world, why):
    """B6, C2: no sweep does it."""
    job, offer, _ = await offered(world, "courier", drivers=2)
    driver = offer.driver_id
    if why == "goes offline":
        await world.http.post("/v1/drivers/me/offline", headers=world.auth(driver))
    elif why == "is suspended":
        await world.http.post(f"/v1/drivers/{driver}/suspend", headers=world.auth("root", "admin"))
    else:
        await world.wins(driver, world.job((job.pickup.lat, job.pickup.lng), "haul"))
    withdrawn = await world.hears(OfferWithdrawn, job.id)
    assert withdrawn.reason == ("driver_busy" if why == "is busy" else "driver_offline")
    assert (await world.hears(OfferCreated, job.id, lambda one: one.number == 2)).driver_id != driver


async def test_timers_end_with_an_acceptance(world):
    """B11, DESIGN invariant 7"""
    job, offer, timers = await offered(world, await world.rules("long", offer_seconds=LONG))
    assert (await world.accept(offer.driver_id, job.id)).status_code == 200
    await until_waiting(world, timers, [])


async def test_timers_end_with_a_decline_and_the_next_offer_has_its_own(world):
    """B5, DESIGN invariant 7: and when nobody is left the search's ends too."""
    job, offer, timers = await offered(world, await world.rules("long", offer_seconds=LONG), drivers=2)
    await world.decline(offer.driver_id, job.id)
    second = await world.hears(OfferCreated, job.id, lambda one: one.number == 2)
    following = timer("offer", second.offer_id)
    await until_waiting(world, [*timers, following], [timers[1], following])
    await world.decline(second.driver_id, job.id)
    await world.hears(SearchFailed, job.id)
    await until_waiting(world, [*timers, following], [])


async def test_timers_end_with_a_cancel(world):
    """B11, DESIGN invariant 7"""
    job, _, timers = await offered(world, await world.rules("long", offer_seconds=LONG))
    await world.cancelled(job)
    await until_waiting(world, timers, [])


async def test_timers_of_a_whole_group_end_when_one_of_it_wins(world):
    """B11, E5, DESIGN invariant 7"""
    group = await world.rules("long-group", "group", at_once=3, offer_seconds=LONG)
    job, offer, _ = await offered(world, group, drivers=3)
    timers = [timer("offer", one["id"]) for one in await world.offers(job.id)]
    timers.append(timer("search", offer.search_id))
    await until_waiting(world, timers, timers)
    assert len(timers) == 4
    assert (await world.accept(offer.driver_id, job.id)).status_code == 200
    await until_waiting(world, timers, [])


async def test_a_timer_that_comes_too_early_or_for_nothing_changes_nothing(world):
    """E2, B13: the database has the deadline."""
    job, offer, timers = await offered(world, await world.rules("long", offer_seconds=LONG))
    for kind, number in (("offer", offer.offer_id), ("search", offer.search_id), ("offer", job.id)):
        await world.nc.jetstream().publish(due(kind, number), str(number).encode())
    async with asyncio.timeout(PATIENCE_S):
        while True:
            info = await world.nc.jetstream().consumer_info(MATCHING_TIMERS.stream, MATCHING_TIMERS.durable)
            if not info.num_pending and not info.num_ack_pending:
                break
            await asyncio.sleep(0.02)
    assert await waiting(world, *timers) == set(timers)
    assert (await world.accept(offer.driver_id, job.id)).status_code == 200
