"""The feed of open broadcast jobs: what stands in it, for whom, in which order, and when it leaves."""

import pytest

from contracts.events import (
    AssignmentCreated,
    FeedClosed,
    OfferCreated,
    OfferDeclined,
    SearchFailed,
    SearchStarted,
    SearchTimedOut,
)
from contracts.ids import new_id
from contracts.models import JobStatus

NEVER = 86_400
LONG = 3_600
TAKEN = {"code": "already_accepted", "detail": "Job already accepted by another driver"}


@pytest.fixture(scope="module")
def changes():
    return {"sweep_seconds": NEVER, "watch_seconds": NEVER}


def north(at, km):
    return at[0] + km / 111.2, at[1]


async def opened(world, at, service_type="haul", **more):
    """A job that stands open."""
    job = world.job(at, service_type, **more)
    await world.created(job)
    await world.hears(SearchStarted, job.id)
    return job


async def lapsed(world, at):
    """A ladder's job that stands open since its only courier did not answer; and the courier."""
    ladder = await world.rules(
        "cascade-then-all",
        steps=[{"policy": "cascade", "tries": 1, "offer_seconds": LONG}, {"policy": "broadcast"}],
        search_seconds=None,
    )
    courier, other = await world.driver(at), await world.driver(north(at, 1))
    job = await opened(world, at, ladder)
    await world.hears(OfferCreated, job.id, lambda one: one.driver_id == courier)
    await world.decline(courier, job.id)
    await world.hears(OfferCreated, job.id, lambda one: one.driver_id == other)
    return job, courier


async def test_the_feed_is_nearest_first_and_what_has_no_place_comes_last(world):
    """A9, A3"""
    at = world.place()
    anywhere = await opened(world, None)
    three, one, two = [await opened(world, north(at, km)) for km in (3, 1, 2)]
    driver = await world.driver(at)
    assert await world.feed(driver) == [str(job.id) for job in (one, two, three, anywhere)]
    await world.cancelled(anywhere)
    await world.hears(FeedClosed, anywhere.id)


async def test_who_is_out_of_reach_is_neither_shown_an_open_job_nor_has_it_in_the_feed(world):
    """A9: 30 km."""
    at = world.place()
    job = await opened(world, at)
    out = await world.driver(north(at, 30.1))
    within = await world.driver(north(at, 29.9))
    await world.hears(OfferCreated, job.id)
    assert [one["driver_id"] for one in await world.offers(job.id)] == [within]
    assert await world.feed(out) == []
    assert await world.feed(within) == [str(job.id)]


async def test_the_unapproved_operators_and_other_vehicles_have_empty_feeds_and_are_shown_nothing(world):
    """A9, A1: the feed has the same gates as the broadcast."""
    at = world.place()
    job = await opened(world, at, vehicle_type="van")
    unapproved = await world.driver(None, approved=False, vehicle_type="van")
    await world.moves(unapproved, at)
    operator = await world.driver(at, is_operator=True, vehicle_type="van")
    biker = await world.driver(at, vehicle_type="bike")
    on_foot = await world.driver(at)
    placeless = await world.driver(None, vehicle_type="van")
    suspended = await world.driver(at, vehicle_type="van")
    await world.http.post(f"/v1/drivers/{suspended}/suspend", headers=world.auth("root", "admin"))
    fitting = await world.driver(at, vehicle_type="van")
    await world.hears(OfferCreated, job.id, lambda one: one.driver_id == fitting)
    assert [one["driver_id"] for one in await world.offers(job.id)] == [suspended, fitting]
    for driver in (unapproved, operator, biker, on_foot, placeless, suspended):
        assert await world.feed(driver) == []
    assert await world.feed(fitting) == [str(job.id)]


async def test_a_busy_driver_who_comes_online_is_shown_nothing(world):
    """A9, A1"""
    at = world.place()
    busy = await world.busy(at)
    job = await opened(world, at)
    where = {"lat": at[0], "lng": at[1]}
    answer = await world.http.post("/v1/drivers/me/online", json=where, headers=world.auth(busy))
    assert answer.json()["state"] == "busy"
    assert await world.offers(job.id) == []


async def test_who_says_online_again_is_not_shown_the_same_job_twice(world):
    """A9, B6"""
    at = world.place()
    driver = await world.driver(at)
    job = await opened(world, at)
    await world.hears(OfferCreated, job.id)
    await world.decline(driver, job.id)
    for path in ("offline", "online", "online"):
        where = {"lat": at[0], "lng": at[1]} if path == "online" else None
        answer = await world.http.post(f"/v1/drivers/me/{path}", json=where, headers=world.auth(driver))
        assert answer.status_code == 200, answer.text
    assert [one["state"] for one in await world.offers(job.id)] == ["declined"]
    assert await world.feed(driver) == [str(job.id)], "a driver who thinks better of it may still take it"


async def test_the_feed_is_for_drivers_and_as_long_as_asked_for(world):
    """A9: 403, 404, 422."""
    at = world.place()
    driver = await world.driver(at)
    jobs = [await opened(world, north(at, km)) for km in (1, 2)]
    path = "/v1/jobs/available"
    short = await world.http.get(path, params={"limit": 1}, headers=world.auth(driver))
    assert [one["id"] for one in short.json()["items"]] == [str(jobs[0].id)]
    assert (await world.http.get(path, params={"limit": 0}, headers=world.auth(driver))).status_code == 422
    assert (await world.http.get(path, headers=world.auth("ann", "user"))).status_code == 403
    assert (await world.http.get(path, headers=world.auth("nobody"))).status_code == 404


async def test_a_job_in_the_feed_may_be_taken_without_an_offer_over_http_once(world):
    """A5, A9: 409 with the apps' message for whoever comes after; also when a ladder opened it."""
    at = world.place()
    late, later = await world.driver(world.place()), await world.driver(world.place())
    job, courier = await lapsed(world, at)
    for driver in (late, later):  # they drive into reach, which nobody takes for a coming online
        await world.http.post(
            "/v1/drivers/me/location", json={"lat": at[0], "lng": at[1]}, headers=world.auth(driver)
        )
    assert {one["driver_id"] for one in await world.offers(job.id)}.isdisjoint({late, later})
    assert (await world.accept(late, job.id)).status_code == 200
    for driver in (later, courier):
        refused = await world.accept(driver, job.id)
        assert refused.status_code == 409
        assert {key: refused.json()[key] for key in TAKEN} == TAKEN
    assert (await world.hears(AssignmentCreated, job.id)).driver_id == late


async def test_who_is_not_registered_may_not_accept(world):
    """A5: 403; and customers and admins cannot either."""
    job = await opened(world, world.place())
    stranger = await world.accept("never-heard-of", job.id)
    assert (stranger.status_code, stranger.json()["code"]) == (403, "not_approved")
    for role in ("user", "admin"):
        answer = await world.http.post(f"/v1/jobs/{job.id}/accept", headers=world.auth("ann", role))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await world.accept("never-heard-of", new_id())).status_code == 404


async def test_accepting_again_after_completing_the_job_is_a_success_again(world):
    """A5"""
    at = world.place()
    winner = await world.driver(at)
    job = world.job(at, "haul")
    await world.wins(winner, job)
    await world.completed(job, winner)
    await world.until_known(winner)
    answer = await world.accept(winner, job.id)
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    assert (await world.state(winner))["state"] == "available", "and it is not on the job again"


async def test_a_cancelled_broadcast_leaves_all_feeds(world):
    """A7, A9, B11: `feed.closed` says that nobody has it."""
    at = world.place()
    driver = await world.driver(at)
    job = await opened(world, at)
    assert await world.feed(driver) == [str(job.id)]
    await world.cancelled(job)
    closed = await world.hears(FeedClosed, job.id)
    assert (closed.status, closed.driver_id) == (JobStatus.cancelled, None)
    assert await world.feed(driver) == []


async def test_a_broadcast_with_an_expiry_leaves_all_feeds_at_it(world):
    """A14, A7"""
    brief = await world.rules("brief-haul", "broadcast", search_seconds=0.5)
    at = world.place()
    driver = await world.driver(at)
    job = await opened(world, at, brief)
    assert (await world.hears(SearchTimedOut, job.id)).tried == 1
    closed = await world.hears(FeedClosed, job.id)
    assert (closed.status, closed.driver_id) == (JobStatus.unfulfilled, None)
    assert await world.feed(driver) == []
    assert (await world.accept(driver, job.id)).json()["code"] == "job_gone"


async def test_a_ladder_that_ends_open_closes_the_feed_whoever_takes_it(world):
    """A7, E5"""
    job, courier = await lapsed(world, world.place())
    assert (await world.accept(courier, job.id)).status_code == 200
    closed = await world.hears(FeedClosed, job.id)
    assert (closed.status, closed.driver_id) == (JobStatus.accepted, courier)


async def test_a_group_that_nobody_takes_closes_its_pop_ups_when_the_search_fails(world):
    """A7, E5: what is on several screens is told to all."""
    group = await world.rules("pair", "group", at_once=2, offer_seconds=LONG)
    at = world.place()
    drivers = [await world.driver(at) for _ in range(2)]
    job = await opened(world, at, group)
    for driver in drivers:
        assert (await world.decline(driver, job.id)).status_code == 200
        await world.hears(OfferDeclined, job.id, lambda one, d=driver: one.driver_id == d)
    await world.hears(SearchFailed, job.id)
    assert (await world.hears(FeedClosed, job.id)).status is JobStatus.unfulfilled


async def test_a_job_that_a_group_had_on_its_screens_is_closed_there_though_a_later_driver_takes_it(world):
    """A7, E5"""
    steps = [
        {"policy": "group", "at_once": 2, "offer_seconds": LONG},
        {"policy": "cascade", "offer_seconds": LONG},
    ]
    ladder = await world.rules("group-then-one", steps=steps, search_seconds=LONG)
    at = world.place()
    pair, third = [await world.driver(at) for _ in range(2)], await world.driver(north(at, 1))
    job = await opened(world, at, ladder)
    for driver in pair:
        await world.decline(driver, job.id)
    assert (await world.hears(OfferCreated, job.id, lambda one: one.driver_id == third)).exclusive
    assert (await world.accept(third, job.id)).status_code == 200
    assert (await world.hears(FeedClosed, job.id)).driver_id == third


async def test_a_job_that_was_only_ever_before_one_driver_leaves_no_feed(world):
    """A7: all online drivers are told of broadcast jobs, not of each courier's."""
    at = world.place()
    driver = await world.driver(at)
    job = await opened(world, at, "courier")
    await world.hears(OfferCreated, job.id)  # a first look may have had to wait for the region's map
    assert (await world.accept(driver, job.id)).status_code == 200
    after = await opened(world, at)
    await world.cancelled(after)
    await world.hears(FeedClosed, after.id)
    assert not world.told(FeedClosed, job.id)
    assert str(job.id) not in await world.feed(driver)
