"""What is kept of a driver through its jobs: card, completed jobs, acceptance rate, being free or busy."""

import asyncio

import pytest

from contracts.events import (
    AssignmentCreated,
    FeedClosed,
    JobStatusChanged,
    OfferCreated,
    OfferExpired,
    OfferWithdrawn,
    SearchFailed,
)
from contracts.models import DriverCard, JobStatus
from contracts.streams import MATCHING_DISPATCH
from wire.publish import publish

from .conftest import PATIENCE_S

NEVER = 86_400
LONG = 3_600


@pytest.fixture(scope="module")
def changes():
    return {"sweep_seconds": NEVER, "watch_seconds": NEVER}


async def asked(world, driver, at, service_type):
    """A new job, put before this driver."""
    job = world.job(at, service_type)
    await world.created(job)
    await world.hears(OfferCreated, job.id, lambda one: one.driver_id == driver)
    return job


async def moved_on(world, job, driver, status, previous=JobStatus.accepted):
    """Booking says so; matching has dealt with it when this returns."""
    event = JobStatusChanged(
        job_id=job.id,
        customer_id=job.customer_id,
        driver_id=driver,
        job=job.model_copy(update={"status": status}),
        previous=previous,
    )
    await publish(world.nc.jetstream(), event)
    js, consumer = world.nc.jetstream(), MATCHING_DISPATCH
    async with asyncio.timeout(PATIENCE_S):
        while True:
            info = await js.consumer_info(consumer.stream, consumer.durable)
            if not info.num_pending and not info.num_ack_pending:
                return
            await asyncio.sleep(0.02)


async def test_the_customer_gets_the_whole_card(world):
    """A6, B7: all that the apps show, with the jobs completed until then; and of a driver with little."""
    at = world.place()
    profile = {
        "name": "Ada Lovelace",
        "phone": "+44 20 7946 0958",
        "avatar": "https://pictures.example/ada.png",
        "vehicle_type": "van",
        "truck_type": "box truck",
        "rating": 4.9,
    }
    driver = await world.driver(at, **profile)
    for total_jobs in (0, 1):
        job = world.job(at, "haul")
        await world.wins(driver, job)
        card = (await world.hears(AssignmentCreated, job.id)).driver
        assert card == DriverCard(id=driver, total_jobs=total_jobs, **profile)
        await world.completed(job, driver)
        await world.until_known(driver)
    plain = await world.driver(at, name="Bo", rating=None)
    job = world.job(at, "haul")
    await world.wins(plain, job)
    assert (await world.hears(AssignmentCreated, job.id)).driver == DriverCard(id=plain, name="Bo")


async def test_the_acceptance_rate_is_of_what_was_accepted_declined_and_let_lapse(world):
    """A14: none before the first; what was withdrawn counts neither way."""
    at = world.place()
    driver = await world.driver(at)
    long = await world.rules("long", offer_seconds=LONG)
    brief = await world.rules("brief", offer_seconds=0.2, search_seconds=LONG)

    async def rate():
        own = await world.http.get("/v1/drivers/me", headers=world.auth(driver))
        assert own.json()["acceptance_rate"] == (await world.state(driver))["acceptance_rate"]
        return own.json()["acceptance_rate"]

    assert await rate() is None
    off = await asked(world, driver, at, long)
    await world.cancelled(off)
    await world.hears(OfferWithdrawn, off.id)
    assert await rate() is None
    await world.wins(driver, done := world.job(at, long))
    assert await rate() == 1
    await world.completed(done, driver)
    await world.until_known(driver)
    declined = await asked(world, driver, at, long)
    await world.decline(driver, declined.id)
    await world.decline(driver, declined.id)
    assert await rate() == pytest.approx(1 / 2), "a no said twice is one"
    lapsed = await asked(world, driver, at, brief)
    await world.hears(OfferExpired, lapsed.id)
    await world.hears(SearchFailed, lapsed.id)
    assert await rate() == pytest.approx(1 / 3)


async def test_a_broadcast_that_another_took_does_not_count_against_a_driver(world):
    """A14"""
    at = world.place()
    winner, other = await world.driver(at), await world.driver(at)
    job = world.job(at, "haul")
    await world.created(job)
    for driver in (winner, other):
        await world.hears(OfferCreated, job.id, lambda one, d=driver: one.driver_id == d)
    await world.accept(winner, job.id)
    await world.hears(FeedClosed, job.id)
    assert (await world.state(winner))["acceptance_rate"] == 1
    assert (await world.state(other))["acceptance_rate"] is None


async def test_a_driver_is_busy_until_the_last_step_of_its_job(world):
    """C12, A14: each step before leaves it on the job; completed again, in another event, counts once."""
    at = world.place()
    driver = await world.driver(at)
    job = world.job(at)
    await world.wins(driver, job)
    for status in (JobStatus.en_route, JobStatus.arrived, JobStatus.in_progress):
        await moved_on(world, job, driver, status)
        state = await world.state(driver)
        assert (state["state"], state["active_job_id"], state["completed_jobs"]) == ("busy", str(job.id), 0)
    for _ in range(2):
        await moved_on(world, job, driver, JobStatus.completed)
        state = await world.state(driver)
        assert (state["state"], state["active_job_id"], state["completed_jobs"]) == ("available", None, 1)


async def test_a_driver_is_freed_by_its_own_job_only(world):
    """C12, DESIGN invariant 2: a late word of the job before does not end the present one."""
    at = world.place()
    driver = await world.driver(at)
    before, present = world.job(at), world.job(at)
    await world.wins(driver, before)
    await moved_on(world, before, driver, JobStatus.completed)
    await world.until_known(driver)
    await world.wins(driver, present)
    await moved_on(world, before, driver, JobStatus.completed)
    await moved_on(world, present, "somebody-else", JobStatus.completed)
    await moved_on(world, present, None, JobStatus.completed)
    state = await world.state(driver)
    assert (state["active_job_id"], state["completed_jobs"]) == (str(present.id), 1)


async def test_a_driver_whose_job_was_cancelled_can_be_asked_again_and_counts_no_job(world):
    """B11, A14"""
    at = world.place()
    driver = await world.driver(at)
    job = world.job(at)
    await world.wins(driver, job)
    await world.cancelled(job)
    await world.until_known(driver)
    assert (await world.state(driver))["completed_jobs"] == 0
    assert await asked(world, driver, at, "courier")


async def test_who_takes_its_next_job_gives_up_every_other_offer(world):
    """B6, DESIGN invariant 2: also those that it shares; and they count neither way."""
    at = world.place()
    driver = await world.driver(at)
    pair = await world.rules("pair", "group", at_once=2, offer_seconds=LONG)
    shared = await asked(world, driver, at, pair)
    alone = await asked(world, driver, at, "courier")
    await world.wins(driver, world.job(at, "haul"))
    for job in (shared, alone):
        assert (await world.hears(SearchFailed, job.id)).tried == 1
        assert [one["state"] for one in await world.offers(job.id)] == ["withdrawn"]
    assert (await world.state(driver))["acceptance_rate"] == 1
