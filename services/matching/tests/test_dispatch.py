"""Searches from order to their end, over the real bus, with rules short enough to wait for."""

import asyncio
from datetime import datetime, timedelta

from contracts.events import (
    AssignmentCreated,
    AssignmentReleased,
    FeedClosed,
    OfferCreated,
    OfferDeclined,
    OfferExpired,
    OfferWithdrawn,
    SearchFailed,
    SearchFailure,
    SearchStarted,
    SearchTimedOut,
)
from contracts.models import JobStatus

NEAR_DEG = 0.01  # 1.1 km


def shifted(at, km):
    """So many kilometres north."""
    return at[0] + km / 111.2, at[1]


async def test_a_search_starts_at_once_and_the_nearest_driver_gets_the_offer(world):
    """B1, B2: with the deadline in it."""
    at = world.place()
    far, near = await world.driver(shifted(at, 4)), await world.driver(shifted(at, 1))
    job = world.job(at)
    await world.created(job)
    started = await world.hears(SearchStarted, job.id)
    offer = await world.hears(OfferCreated, job.id)
    assert (offer.driver_id, offer.number, offer.exclusive) == (near, 1, True)
    [attempt] = await world.dispatch(job.id)
    begun, asked = (
        datetime.fromisoformat(at) for at in (attempt["started_at"], attempt["offers"][0]["created_at"])
    )
    assert started.deadline - begun == timedelta(seconds=120)
    assert offer.expires_at - asked == timedelta(seconds=30)
    assert offer.job.pickup == job.pickup
    assert far not in {one.driver_id for one in world.told(OfferCreated, job.id)}


async def test_after_a_decline_the_next_driver_is_asked_at_once_and_nobody_twice(world):
    """B5, B6, B8: and when nobody is left the search ends."""
    at = world.place()
    drivers = [await world.driver(shifted(at, km)) for km in (1, 2)]
    job = world.job(at)
    await world.created(job)
    for number, driver in enumerate(drivers, start=1):
        offer = await world.hears(OfferCreated, job.id, lambda one, n=number: one.number == n)
        assert offer.driver_id == driver
        answer = await world.decline(driver, job.id)
        assert answer.status_code == 200
        await world.hears(OfferDeclined, job.id, lambda one, d=driver: one.driver_id == d)
    failed = await world.hears(SearchFailed, job.id)
    assert (failed.reason, failed.tried) == (SearchFailure.none_in_area, 2)


async def test_the_search_widens_to_fifteen_kilometres_and_no_further(world):
    """B2, B8."""
    at = world.place()
    outer = await world.driver(shifted(at, 14))
    await world.driver(shifted(at, 16))
    job = world.job(at)
    await world.created(job)
    assert (await world.hears(OfferCreated, job.id)).driver_id == outer
    await world.decline(outer, job.id)
    assert (await world.hears(SearchFailed, job.id)).tried == 1


async def test_an_accept_after_the_offer_expired_is_refused(world):
    """DESIGN invariant 3."""
    courier = await world.rules("lapse", offer_seconds=0.3, search_seconds=30)
    at = world.place()
    driver = await world.driver(at)
    job = world.job(at, courier)
    await world.created(job)
    await world.hears(OfferExpired, job.id)
    answer = await world.accept(driver, job.id)
    assert answer.status_code == 409
    assert answer.json()["code"] in {"offer_expired", "job_gone"}
    assert not world.told(AssignmentCreated, job.id)


async def test_a_search_times_out_and_withdraws_the_open_offer(world):
    """B9."""
    courier = await world.rules("brief", offer_seconds=20, search_seconds=0.5)
    at = world.place()
    driver = await world.driver(at)
    job = world.job(at, courier)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    assert (await world.hears(SearchTimedOut, job.id)).tried == 1
    withdrawn = await world.hears(OfferWithdrawn, job.id)
    assert (withdrawn.driver_id, withdrawn.reason) == (driver, "search_timed_out")
    late = await world.accept(driver, job.id)
    assert (late.status_code, late.json()["code"]) == (409, "job_gone")


async def test_the_sweep_ends_what_a_lost_timer_would_have_ended(world):
    """B13, E2: the schedules are purged from the bus, as if it had lost them."""
    courier = await world.rules("swept", offer_seconds=1.5, search_seconds=3)
    at = world.place()
    await world.driver(at)
    job = world.job(at, courier)
    await world.created(job)
    offer = await world.hears(OfferCreated, job.id)
    for subject in (f"timer.offer.{offer.offer_id}", f"timer.search.{offer.search_id}"):
        assert await world.nc.jetstream().purge_stream("TIMERS", subject=subject)
    assert (await world.hears(OfferExpired, job.id)).offer_id == offer.offer_id
    await world.hears(SearchFailed, job.id)


async def test_no_driver_in_reach_fails_the_search_at_once(world):
    """B8."""
    job = world.job(world.place())
    await world.created(job)
    failed = await world.hears(SearchFailed, job.id)
    assert (failed.reason, failed.tried) == (SearchFailure.none_in_area, 0)


async def test_a_broadcast_reaches_every_fitting_driver_within_thirty_kilometres(world):
    """A1: not the unapproved, not other vehicles, nobody further away."""
    at = world.place()
    fitting = {await world.driver(shifted(at, km), vehicle_type="van") for km in (1, 29)}
    await world.driver(shifted(at, 31), vehicle_type="van")
    await world.driver(shifted(at, 1), vehicle_type="bike")
    unapproved = await world.driver(None, vehicle_type="van", approved=False)
    await world.moves(unapproved, shifted(at, 1))
    job = world.job(at, "haul", vehicle_type="van")
    await world.created(job)
    for driver in fitting:
        offer = await world.hears(OfferCreated, job.id, lambda one, d=driver: one.driver_id == d)
        assert not offer.exclusive
    assert {one.driver_id for one in world.told(OfferCreated, job.id)} == fitting


async def test_on_acceptance_the_feed_closes_for_all_and_the_customer_gets_the_drivers_card(world):
    """A6, A7, A9, B7."""
    at = world.place()
    winner, other = await world.driver(at), await world.driver(shifted(at, 1))
    job = world.job(at, "haul")
    await world.created(job)
    await world.hears(OfferCreated, job.id, lambda one: one.driver_id == other)
    feed = await world.http.get("/v1/jobs/available", headers=world.auth(other))
    assert str(job.id) in {one["id"] for one in feed.json()["items"]}

    assert (await world.accept(winner, job.id)).status_code == 200

    assignment = await world.hears(AssignmentCreated, job.id)
    assert (assignment.driver.id, assignment.driver.name, assignment.driver.rating) == (winner, "Ada", 4.5)
    closed = await world.hears(FeedClosed, job.id)
    assert (closed.status, closed.driver_id) == (JobStatus.accepted, winner)
    feed = await world.http.get("/v1/jobs/available", headers=world.auth(other))
    assert str(job.id) not in {one["id"] for one in feed.json()["items"]}


async def test_who_comes_online_in_reach_of_an_open_broadcast_is_shown_it(world):
    """A9."""
    at = world.place()
    job = world.job(at, "haul")
    await world.created(job)
    await world.hears(SearchStarted, job.id)
    late = await world.driver(shifted(at, 2))
    assert (await world.hears(OfferCreated, job.id)).driver_id == late


async def test_accept_is_refused_to_the_unapproved_and_for_unknown_jobs(world):
    """A5: 403 and 404."""
    at = world.place()
    suspended = await world.driver(at)
    job = world.job(at, "haul")
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    answer = await world.http.post(f"/v1/drivers/{suspended}/suspend", headers=world.auth("root", "admin"))
    assert answer.status_code == 200
    refused = await world.accept(suspended, job.id)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_approved")
    unknown = await world.accept(suspended, world.job(at).id)
    assert unknown.status_code == 404


async def test_a_cancelled_job_frees_its_driver_and_tells_it(world):
    """B11."""
    at = world.place()
    driver = await world.driver(at)
    job = world.job(at)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    assert (await world.accept(driver, job.id)).status_code == 200
    await world.cancelled(job)
    released = await world.hears(AssignmentReleased, job.id)
    assert (released.driver_id, released.reason) == (driver, "job_cancelled")
    assert (await world.state(driver))["state"] == "available"


async def test_a_cancelled_job_withdraws_its_offer(world):
    """B11."""
    at = world.place()
    driver = await world.driver(at)
    job = world.job(at)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    await world.cancelled(job)
    assert (await world.hears(OfferWithdrawn, job.id)).driver_id == driver
    refused = await world.accept(driver, job.id)
    assert (refused.status_code, refused.json()["code"]) == (409, "job_gone")


async def test_a_cancel_heard_before_the_order_keeps_the_search_from_starting(world):
    """DESIGN §3: events may cross; swept letters come late."""
    at = world.place()
    await world.driver(at)
    job = world.job(at)
    await world.cancelled(job)
    await world.created(job)
    after = world.job(at)
    await world.created(after)
    await world.hears(OfferCreated, after.id)
    assert not world.told(SearchStarted, job.id)
    assert [one["state"] for one in await world.dispatch(job.id)] == ["cancelled"]
    async with asyncio.timeout(5):  # and the order is not delivered for ever
        while (await world.nc.jetstream().consumer_info("DISPATCH", "matching")).num_ack_pending:
            await asyncio.sleep(0.05)


async def test_a_retry_starts_afresh_and_nobody_counts_as_tried(world):
    """B10."""
    at = world.place()
    driver = await world.driver(at)
    job = world.job(at)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    await world.decline(driver, job.id)
    await world.hears(SearchFailed, job.id)
    await world.retried(job.model_copy(update={"attempt": 2, "version": 3}))
    again = await world.hears(OfferCreated, job.id, lambda one: one.attempt == 2)
    assert (again.driver_id, again.number) == (driver, 1)
    await world.created(job)  # a copy of the first order, under a new id, changes nothing
    assert (await world.accept(driver, job.id)).status_code == 200
    assert (await world.hears(AssignmentCreated, job.id)).attempt == 2


async def test_a_driver_who_takes_another_job_gives_up_the_offer_it_held(world):
    """B6, DESIGN invariant 2: the search it held goes on to the next driver."""
    at = world.place()
    driver = await world.driver(at)
    courier = world.job(at)
    await world.created(courier)
    await world.hears(OfferCreated, courier.id)
    haul = world.job(at, "haul")
    await world.created(haul)
    await world.hears(OfferCreated, haul.id)
    spare = await world.driver(shifted(at, 3))
    assert (await world.accept(driver, haul.id)).status_code == 200
    withdrawn = await world.hears(OfferWithdrawn, courier.id)
    assert (withdrawn.driver_id, withdrawn.reason) == (driver, "driver_busy")
    following = await world.hears(OfferCreated, courier.id, lambda one: one.number == 2)
    assert following.driver_id == spare


async def test_a_driver_who_goes_offline_gives_up_the_offer_it_held(world):
    """C2."""
    at = world.place()
    driver, spare = await world.driver(at), await world.driver(shifted(at, 3))
    job = world.job(at)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    answer = await world.http.post("/v1/drivers/me/offline", headers=world.auth(driver))
    assert answer.json()["state"] == "offline"
    assert (await world.hears(OfferWithdrawn, job.id)).reason == "driver_offline"
    assert (await world.hears(OfferCreated, job.id, lambda one: one.number == 2)).driver_id == spare


async def test_a_completed_job_frees_its_driver_and_counts(world):
    """C12, A14."""
    at = world.place()
    driver = await world.driver(at)
    job = world.job(at)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    await world.accept(driver, job.id)
    assert (await world.state(driver))["state"] == "busy"
    await world.until(lambda: driver not in world.available)
    await world.completed(job, driver)
    await world.until_known(driver)
    state = await world.state(driver)
    assert (state["state"], state["active_job_id"], state["completed_jobs"]) == ("available", None, 1)
