"""Who is asked, who is not, and what the dispatch view says about each. No sweep runs here."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from contracts.events import OfferCreated, SearchFailed
from contracts.ids import new_id
from contracts.requests import ViewDispatch
from wire.rpc import request

NEVER = 86_400


@pytest.fixture(scope="module")
def changes():
    return {"sweep_seconds": NEVER, "watch_seconds": NEVER}


def north(at, km):
    return at[0] + km / 111.2, at[1]


async def offline(world, at, **more):
    """A driver who was here and went offline."""
    driver = await world.driver(at, **more)
    await world.http.post("/v1/drivers/me/offline", headers=world.auth(driver))
    await world.until(lambda: driver not in world.available)
    return driver


async def suspended(world, at, **more):
    driver = await world.driver(at, **more)
    await world.http.post(f"/v1/drivers/{driver}/suspend", headers=world.auth("root", "admin"))
    return driver


async def silent(world, at, **more):
    """A driver whose last position is from a minute and a second ago."""
    driver = await world.driver(None, **more)
    await world.moves(driver, at, datetime.now(UTC) - timedelta(seconds=61))
    return driver


async def unapproved(world, at, **more):
    """A driver who sends positions, and was never let in."""
    driver = await world.driver(None, approved=False, **more)
    await world.moves(driver, at)
    return driver


async def one_for_each_gate(world, at):
    """Driver → gate. All are within a kilometre of the pickup but for the one who is out of range."""
    near, van = north(at, 1), {"vehicle_type": "van"}
    return {
        await world.driver(near, **van): None,
        await unapproved(world, near, **van): "not_approved",
        await suspended(world, near, **van): "not_approved",
        await world.driver(near, is_operator=True, **van): "operator",
        await offline(world, near, **van): "offline",
        await world.busy(near, **van): "busy",
        await world.driver(near, vehicle_type="bike"): "wrong_vehicle",
        await world.driver(near): "wrong_vehicle",
        await silent(world, near, **van): "stale",
        await world.driver(None, **van): "no_location",
    }


@pytest.mark.parametrize(("service_type", "beyond_km"), [("haul", 30.1), ("courier", 15.1)])
async def test_exactly_those_are_asked_against_whom_no_gate_speaks(world, service_type, beyond_km):
    """A1, A12, B2, C4, E4: and the dispatch view says of every other which gate it was."""
    at = world.place()
    gates = await one_for_each_gate(world, at)
    gates[await world.driver(north(at, beyond_km), vehicle_type="van")] = "out_of_range"
    fitting = next(iter(gates))
    job = world.job(at, service_type, vehicle_type="van")
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    assert [one["driver_id"] for one in await world.offers(job.id)] == [fitting]
    told = await world.why(job.id)
    assert {driver: told.get(driver, "untold") for driver in gates} == gates


async def test_who_holds_another_exclusive_offer_is_passed_over_and_may_see_a_broadcast(world):
    """B6, A12"""
    at = world.place()
    driver = await world.driver(at)
    first, second, haul = world.job(at), world.job(at), world.job(at, "haul")
    await world.created(first)
    await world.hears(OfferCreated, first.id)
    await world.created(second)
    assert (await world.hears(SearchFailed, second.id)).tried == 0
    assert (await world.why(second.id))[driver] == "holds_offer"
    await world.created(haul)
    assert (await world.hears(OfferCreated, haul.id)).driver_id == driver


async def test_who_was_tried_is_named_so_by_every_later_look(world):
    """B6, E4"""
    at = world.place()
    drivers = [await world.driver(north(at, km)) for km in (1, 2, 3)]
    job = world.job(at)
    await world.created(job)
    for number, driver in enumerate(drivers[:2], start=1):
        await world.hears(OfferCreated, job.id, lambda one, n=number: one.number == n)
        await world.decline(driver, job.id)
    await world.hears(OfferCreated, job.id, lambda one: one.number == 3)
    looks = (await world.dispatch(job.id))[0]["decisions"]
    seen = [{one["driver_id"]: one["gate"] for one in look["candidates"]} for look in looks]
    a, b, c = drivers
    assert seen == [
        {a: None, b: None, c: None},
        {a: "tried", b: None, c: None},
        {a: "tried", b: "tried", c: None},
    ]


async def test_who_is_in_another_commands_hands_is_passed_over_and_said_to_be(world):
    """B6, E4"""
    at = world.place()
    held, free = await world.driver(north(at, 1)), await world.driver(north(at, 2))
    job = world.job(at)
    async with world.engine.connect() as connection:
        await connection.execute(text("SELECT 1 FROM driver WHERE id = :id FOR UPDATE"), {"id": held})
        await world.created(job)
        assert (await world.hears(OfferCreated, job.id)).driver_id == free
    assert (await world.why(job.id))[held] == "contended"


async def test_who_is_beyond_the_fifty_nearest_is_said_to_be_farther(world):
    """A12, E4: nobody looked at it, for there were enough before it."""
    at = world.place()
    drivers = await asyncio.gather(*(world.driver(north(at, 1 + n / 100)) for n in range(51)))
    job = world.job(at)
    await world.created(job)
    assert (await world.hears(OfferCreated, job.id)).driver_id == drivers[0]
    why = await world.why(job.id)
    assert {driver: why[driver] for driver in drivers} == {
        driver: "farther" if driver == drivers[50] else None for driver in drivers
    }


async def test_whom_the_customer_did_not_wish_for_is_said_to_be_so(world):
    """E4, E5: on a ladder that only asks the wished driver."""
    direct = await world.rules("only-direct", "direct")
    at = world.place()
    wished, other = await world.driver(north(at, 40)), await world.driver(north(at, 1))
    job = world.job(at, direct, requested_driver_id=wished)
    await world.created(job)
    assert (await world.hears(OfferCreated, job.id)).driver_id == wished
    assert (await world.why(job.id))[other] == "not_wished"


async def test_a_look_keeps_how_far_how_long_and_what_score_each_candidate_had(world):
    """E4: metres along the straight line; seconds by it; the score with the ranking's weights."""
    ranked = await world.rules("scored", ranking={"rating": 60})
    at = world.place()
    near = await world.driver(north(at, 1), rating=3)
    far = await world.driver(north(at, 2), rating=5)
    job = world.job(at, ranked)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    [attempt] = await world.dispatch(job.id)
    [look] = attempt["decisions"]
    assert (look["rung"], look["policy"], attempt["mode"]) == (0, "cascade", "cascade")
    seen = {one["driver_id"]: one for one in look["candidates"]}
    assert [one["driver_id"] for one in look["candidates"]] == [near, far], "the nearest first"
    for driver, km, missing in ((near, 1, 2), (far, 2, 0)):
        one = seen[driver]
        assert one["distance_m"] == pytest.approx(1_000 * km, rel=0.01)
        assert one["eta_s"] == pytest.approx(one["distance_m"] * 1.3 / 8, abs=1)
        assert one["score"] == pytest.approx(one["eta_s"] + 60 * missing, abs=1)


async def test_the_view_tells_every_attempt_and_how_each_offer_went(world):
    """A12, E4, B10"""
    at = world.place()
    first, second = await world.driver(north(at, 1)), await world.driver(north(at, 2))
    job = world.job(at)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    await world.decline(first, job.id)
    await world.hears(OfferCreated, job.id, lambda one: one.number == 2)
    await world.decline(second, job.id)
    await world.hears(SearchFailed, job.id)
    await world.retried(job.model_copy(update={"attempt": 2}))
    await world.hears(OfferCreated, job.id, lambda one: one.attempt == 2)
    assert (await world.accept(first, job.id)).status_code == 200
    old, new = await world.dispatch(job.id)
    assert (old["attempt"], old["state"], old["failure"], old["driver_id"]) == (
        1,
        "failed",
        "none_in_area",
        None,
    )
    assert (new["attempt"], new["state"], new["failure"], new["driver_id"]) == (2, "assigned", None, first)
    offers = [(one["number"], one["driver_id"], one["state"]) for one in old["offers"]]
    assert offers == [(1, first, "declined"), (2, second, "declined")]
    assert [(one["driver_id"], one["state"]) for one in new["offers"]] == [(first, "accepted")]
    for offer in old["offers"] + new["offers"]:
        assert offer["created_at"] <= offer["answered_at"] <= offer["expires_at"]
    assert old["started_at"] <= old["ended_at"] <= new["started_at"] <= new["ended_at"]


async def test_the_view_of_one_driver_tells_of_no_other(world):
    """A12, over HTTP and over the bus alike."""
    at = world.place()
    asked, other = await world.driver(north(at, 1)), await world.driver(north(at, 2))
    far = await world.driver(north(at, 20))
    job = world.job(at)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    for driver, offers, looked, others in ((asked, 1, 1, 0), (other, 0, 1, 0), (far, 0, 0, 1)):
        view = await request(world.nc, ViewDispatch(job_id=job.id, driver_id=driver))
        [attempt] = view.attempts
        assert [one.driver_id for one in attempt.offers] == [driver] * offers
        assert [one.driver_id for one in attempt.decisions[0].candidates] == [driver] * looked
        assert [(one.driver_id, one.gate) for one in attempt.others] == [(driver, "out_of_range")] * others
        answer = await world.http.get(
            f"/v1/jobs/{job.id}/dispatch", params={"driver_id": driver}, headers=world.auth("root", "admin")
        )
        assert answer.json() == view.model_dump(mode="json")


async def test_a_job_that_is_not_known_was_not_dispatched(world):
    """A12: 404 over HTTP; booking, which knows its jobs, gets an empty answer over the bus."""
    unknown = new_id()
    answer = await world.http.get(f"/v1/jobs/{unknown}/dispatch", headers=world.auth("root", "admin"))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await request(world.nc, ViewDispatch(job_id=unknown))).attempts == []


async def test_a_job_without_a_place_asks_everybody_wherever_and_nobody_else(world):
    """A3: also whose position is unknown or old."""
    at = world.place()
    fitting = {
        await world.driver(at, vehicle_type="lorry"),
        await world.driver(world.place(), vehicle_type="lorry"),
        await world.driver(None, vehicle_type="lorry"),
        await silent(world, at, vehicle_type="lorry"),
    }
    against = {
        await unapproved(world, at, vehicle_type="lorry"): "not_approved",
        await world.driver(at, is_operator=True, vehicle_type="lorry"): "operator",
        await offline(world, at, vehicle_type="lorry"): "offline",
        await world.busy(at, vehicle_type="lorry"): "busy",
        await world.driver(at, vehicle_type="bike"): "wrong_vehicle",
    }
    job = world.job(None, "haul", vehicle_type="lorry")
    await world.created(job)
    for driver in fitting:
        await world.hears(OfferCreated, job.id, lambda one, d=driver: one.driver_id == d)
    assert {one["driver_id"] for one in await world.offers(job.id)} == fitting
    why = await world.why(job.id)
    assert {driver: why[driver] for driver in against} == against


@pytest.mark.parametrize("role", ["user", "pilot"])
async def test_how_a_job_was_dispatched_is_for_admins_only(world, role):
    """A12."""
    job = world.job(world.place())
    await world.created(job)
    await world.hears(SearchFailed, job.id)
    answer = await world.http.get(f"/v1/jobs/{job.id}/dispatch", headers=world.auth("someone", role))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
