"""Ladders over the real bus, from the wished driver to whoever comes. No sweep runs here."""

import pytest

from contracts.events import (
    AssignmentCreated,
    DispatchMode,
    FeedClosed,
    OfferCreated,
    SearchFailed,
    SearchFailure,
    SearchStarted,
)
from contracts.ids import new_id

NEVER = 86_400
LONG = 3_600


@pytest.fixture(scope="module")
def changes():
    return {"sweep_seconds": NEVER, "watch_seconds": NEVER}


def north(at, km):
    return at[0] + km / 111.2, at[1]


async def whole_ladder(world):
    """Direct, then one at a time, then two at once, then everybody."""
    steps = [
        {"policy": "direct", "offer_seconds": LONG},
        {"policy": "cascade", "offer_seconds": LONG, "tries": 1},
        {"policy": "group", "offer_seconds": LONG, "at_once": 2},
        {"policy": "broadcast"},
    ]
    return await world.rules("whole-ladder", steps=steps, search_seconds=LONG)


async def declines(world, job, *drivers):
    for driver in drivers:
        await world.hears(OfferCreated, job.id, lambda one, d=driver: one.driver_id == d)
        assert (await world.decline(driver, job.id)).status_code == 200


async def test_at_most_ten_are_tried_though_an_eleventh_is_there(world):
    """B5, B6, B8: the default; each decline asks the next nearest at once."""
    at = world.place()
    drivers = [await world.driver(north(at, 0.5 + km / 4)) for km in range(11)]
    job = world.job(at)
    await world.created(job)
    await declines(world, job, *drivers[:10])
    failed = await world.hears(SearchFailed, job.id)
    assert (failed.reason, failed.tried) == (SearchFailure.max_tries, 10)
    assert [one["driver_id"] for one in await world.offers(job.id)] == drivers[:10]


async def test_a_ladder_goes_from_the_wished_driver_to_whoever_comes(world):
    """E5, A9: rung by rung, nobody twice, and a newcomer is shown what stands open."""
    at = world.place()
    wished = await world.driver(north(at, 300))
    one, two, three, four = [await world.driver(north(at, km)) for km in (1, 2, 3, 20)]
    job = world.job(at, await whole_ladder(world), requested_driver_id=wished)
    await world.created(job)
    started = await world.hears(SearchStarted, job.id)
    assert started.mode is DispatchMode.ladder
    await declines(world, job, wished, one, two, three)
    await world.hears(OfferCreated, job.id, lambda offer: offer.driver_id == four)
    newcomer = await world.driver(north(at, 29))
    await world.hears(OfferCreated, job.id, lambda offer: offer.driver_id == newcomer)
    [attempt] = await world.dispatch(job.id)
    assert [(offer["driver_id"], offer["rung"], offer["exclusive"]) for offer in attempt["offers"]] == [
        (wished, 0, True),
        (one, 1, True),
        (two, 2, False),
        (three, 2, False),
        (four, 3, False),
        (newcomer, 3, False),
    ]
    looks = [(look["rung"], look["policy"]) for look in attempt["decisions"]]
    assert looks == [
        (0, "direct"),
        (0, "direct"),
        (1, "cascade"),
        (1, "cascade"),
        (2, "group"),
        (2, "group"),
        (3, "broadcast"),
    ], "each step's look for drivers, and the one that found nobody left on it"
    assert (await world.accept(newcomer, job.id)).status_code == 200
    assert (await world.hears(AssignmentCreated, job.id)).driver_id == newcomer
    await world.hears(FeedClosed, job.id)


async def test_the_wished_driver_is_asked_however_far_away_and_may_take_it(world):
    """E5: 300 km, and nobody nearer is asked meanwhile."""
    at = world.place()
    wished, near = await world.driver(north(at, 300)), await world.driver(at)
    job = world.job(at, await whole_ladder(world), requested_driver_id=wished)
    await world.created(job)
    offer = await world.hears(OfferCreated, job.id)
    assert (offer.driver_id, offer.exclusive) == (wished, True)
    assert (await world.accept(near, job.id)).json()["code"] == "not_offered"
    assert (await world.accept(wished, job.id)).status_code == 200
    assert [one["driver_id"] for one in await world.offers(job.id)] == [wished]


@pytest.mark.parametrize(
    "wish", ["offline", "busy", "unknown", "nobody", "operator", "other vehicle", "placeless"]
)
async def test_a_wished_driver_against_whom_a_gate_speaks_is_passed_over(world, wish):
    """E5, A12: the next step begins at once; a place the wished driver need not have."""
    at, away = world.place(), world.place()
    wished = {
        "offline": lambda: world.driver(away, vehicle_type="van"),
        "busy": lambda: world.busy(away, vehicle_type="van"),
        "unknown": lambda: named(f"never-heard-of-{new_id()}"),
        "nobody": lambda: named(None),
        "operator": lambda: world.driver(away, is_operator=True, vehicle_type="van"),
        "other vehicle": lambda: world.driver(away, vehicle_type="bike"),
        "placeless": lambda: world.driver(None, vehicle_type="van"),
    }
    driver = await wished[wish]()
    if wish == "offline":
        await world.http.post("/v1/drivers/me/offline", headers=world.auth(driver))
    near = await world.driver(at, vehicle_type="van")
    job = world.job(at, await whole_ladder(world), requested_driver_id=driver, vehicle_type="van")
    await world.created(job)
    offer = await world.hears(OfferCreated, job.id)
    assert offer.driver_id == (driver if wish == "placeless" else near)
    gate = {"offline": "offline", "busy": "busy", "operator": "operator", "other vehicle": "wrong_vehicle"}
    assert (await world.why(job.id)).get(driver) == gate.get(wish)


async def named(driver):
    """As the customer named it, whoever that is."""
    return driver


async def test_a_ladder_that_nobody_is_there_for_stands_open_at_once(world):
    """E5, A9"""
    at = world.place()
    job = world.job(at, await whole_ladder(world))
    await world.created(job)
    await world.hears(SearchStarted, job.id)
    await world.until_looked_for(job.id, rung=3)
    first = await world.driver(at)
    assert (await world.hears(OfferCreated, job.id)).driver_id == first
    [offer] = await world.offers(job.id)
    assert (offer["rung"], offer["expires_at"]) == (3, None)


async def test_a_job_without_a_direct_step_heeds_no_wish(world):
    """E5"""
    at = world.place()
    near, wished = await world.driver(north(at, 1)), await world.driver(north(at, 2))
    job = world.job(at, "courier", requested_driver_id=wished)
    await world.created(job)
    assert (await world.hears(OfferCreated, job.id)).driver_id == near


async def test_a_group_has_no_winner_but_one_and_the_next_group_is_asked_when_all_declined(world):
    """E5, A5, B5"""
    pairs = await world.rules("pairs", "group", at_once=2, tries=4, offer_seconds=LONG)
    at = world.place()
    one, two, three, four = [await world.driver(north(at, km)) for km in (1, 2, 3, 4)]
    job = world.job(at, pairs)
    await world.created(job)
    await declines(world, job, one)
    assert [offer["driver_id"] for offer in await world.offers(job.id)] == [one, two], "two has not answered"
    await declines(world, job, two)
    await world.hears(OfferCreated, job.id, lambda offer: offer.driver_id == four)
    assert (await world.accept(three, job.id)).status_code == 200
    late = await world.accept(four, job.id)
    assert (late.status_code, late.json()["code"]) == (409, "already_accepted")
    assert [(offer["driver_id"], offer["state"]) for offer in await world.offers(job.id)] == [
        (one, "declined"),
        (two, "declined"),
        (three, "accepted"),
        (four, "withdrawn"),
    ]


async def test_a_member_of_a_group_may_be_in_another_group_but_gets_one_job(world):
    """E5, DESIGN invariant 2: shared offers reserve nobody."""
    pairs = await world.rules("pairs", "group", at_once=2, tries=4, offer_seconds=LONG)
    at = world.place()
    driver = await world.driver(at)
    first, second = world.job(at, pairs), world.job(at, pairs)
    for job in (first, second):
        await world.created(job)
        await world.hears(OfferCreated, job.id)
    assert (await world.accept(driver, first.id)).status_code == 200
    refused = await world.accept(driver, second.id)
    assert (refused.status_code, refused.json()["code"]) in {(409, "driver_busy"), (409, "job_gone")}
    assert (await world.hears(SearchFailed, second.id)).tried == 1
