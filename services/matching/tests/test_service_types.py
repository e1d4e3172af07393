"""Settings of the service types: the seeded ones to the letter, what each does, and for which searches."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from contracts.events import OfferCreated, OfferWithdrawn, SearchFailed, SearchFailure, SearchStarted

NEVER = 86_400
LONG = 3_600
RANKED_BY_ETA = {"rating": 0.0, "idle": 0.0, "acceptance": 0.0}
COURIER = {
    "steps": [
        {"policy": "cascade", "offer_seconds": 30.0, "tries": 10, "radii_m": [5000, 15000], "at_once": None}
    ],
    "search_seconds": 120.0,
    "stale_seconds": 60.0,
    "ranking": RANKED_BY_ETA,
    "wording": None,
}
HAUL = {
    "steps": [
        {"policy": "broadcast", "offer_seconds": None, "tries": None, "radii_m": [30000], "at_once": None}
    ],
    "search_seconds": None,
    "stale_seconds": 60.0,
    "ranking": RANKED_BY_ETA,
    "wording": None,
}


@pytest.fixture(scope="module")
def changes():
    return {"sweep_seconds": NEVER, "watch_seconds": NEVER}


def north(at, km):
    return at[0] + km / 111.2, at[1]


def seconds(later, earlier):
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


async def sets(world, name, rules, role="admin"):
    headers = world.auth("root", role)
    return await world.http.put(f"/v1/service-types/{name}", json=rules, headers=headers)


async def reads(world, path="", role="admin"):
    return await world.http.get(f"/v1/service-types{path}", headers=world.auth("root", role))


async def first_asked(world, at, service_type, **more):
    """Whom a new job is put before first."""
    job = world.job(at, service_type, **more)
    await world.created(job)
    return (await world.hears(OfferCreated, job.id)).driver_id


@pytest.mark.parametrize(("name", "rules"), [("courier", COURIER), ("haul", HAUL)])
async def test_the_seeded_service_types_are_the_requirements_to_the_letter(world, name, rules):
    """B14, A1, B2, B4, B8, B9, A14"""
    answer = await reads(world, f"/{name}")
    assert (answer.status_code, answer.json()) == (200, rules)
    assert {"name": name, **rules} in (await reads(world)).json()["items"]


async def test_a_couriers_offer_lives_thirty_seconds_and_its_search_two_minutes(world):
    """B4, B9, B14: the default's figures, as a job gets them."""
    at = world.place()
    await world.driver(at)
    job = world.job(at, "courier")
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    [attempt] = await world.dispatch(job.id)
    [offer] = attempt["offers"]
    assert seconds(offer["expires_at"], offer["created_at"]) == 30
    assert seconds(attempt["deadline"], attempt["started_at"]) == 120


async def test_a_haul_has_no_expiry_unless_one_is_set(world):
    """A14: none by default, for the job and for its offers."""
    at = world.place()
    await world.driver(at)
    for service_type, lives in (
        ("haul", None),
        (await world.rules("a-day", "broadcast", search_seconds=86_400), 86_400),
    ):
        job = world.job(at, service_type)
        await world.created(job)
        assert (await world.hears(OfferCreated, job.id)).expires_at is None
        started = await world.hears(SearchStarted, job.id)
        [attempt] = await world.dispatch(job.id)
        assert attempt["mode"] == started.mode == "broadcast"
        assert (started.deadline is None) is (lives is None)
        assert lives is None or seconds(attempt["deadline"], attempt["started_at"]) == lives


async def test_the_lives_of_offers_and_searches_are_as_set(world):
    """B14"""
    name = await world.rules("lives", offer_seconds=77, search_seconds=555)
    at = world.place()
    await world.driver(at)
    job = world.job(at, name)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    [attempt] = await world.dispatch(job.id)
    assert seconds(attempt["offers"][0]["expires_at"], attempt["offers"][0]["created_at"]) == 77
    assert seconds(attempt["deadline"], attempt["started_at"]) == 555


@pytest.mark.parametrize("policy", ["cascade", "broadcast"])
async def test_the_radii_are_as_set(world, policy):
    """B14"""
    name = await world.rules(f"radii-{policy}", policy, radii_m=[1_000, 3_000])
    at = world.place()
    await world.driver(north(at, 3.1))
    reached = await world.driver(north(at, 2.9))
    assert await first_asked(world, at, name) == reached
    out_of_all = world.job(north(at, -1), name)
    await world.created(out_of_all)
    await world.hears(SearchStarted, out_of_all.id)
    assert await world.offers(out_of_all.id) == []


async def test_how_old_a_position_may_be_is_as_set(world):
    """B14"""
    strict, lenient = [await world.rules(f"stale-{age}", stale_seconds=age) for age in (5, 3_600)]
    at = world.place()
    driver = await world.driver(None)
    await world.moves(driver, at, datetime.now(UTC) - timedelta(seconds=90))
    job = world.job(at, strict)
    await world.created(job)
    assert (await world.hears(SearchFailed, job.id)).reason is SearchFailure.none_in_area
    assert await first_asked(world, at, lenient) == driver


async def test_so_many_are_asked_at_once_as_set(world):
    """B14, E5"""
    name = await world.rules("three-at-once", "group", at_once=3, offer_seconds=LONG)
    at = world.place()
    drivers = [await world.driver(north(at, km)) for km in (1, 2, 3, 4)]
    job = world.job(at, name)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    offers = [(one["driver_id"], one["exclusive"]) for one in await world.offers(job.id)]
    assert offers == [(driver, False) for driver in drivers[:3]]


@pytest.mark.parametrize("weight", ["rating", "idle", "acceptance"])
async def test_a_weight_of_the_ranking_lets_a_better_driver_come_before_a_nearer_one(world, weight):
    """B14, B2: within the inner ring; without the weight the nearer one comes first."""
    at = world.place()
    worse = await world.driver(north(at, 1), rating=4.0)
    better = await world.driver(north(at, 2), rating=5.0 if weight == "rating" else 4.0)
    if weight == "idle":
        async with world.engine.begin() as connection:
            hour_ago = {"id": better, "since": datetime.now(UTC) - timedelta(hours=1)}
            await connection.execute(text("UPDATE driver SET idle_since = :since WHERE id = :id"), hour_ago)
    if weight == "acceptance":
        await says_no(world, worse, at)
    plain = await world.rules("plain")
    heeding = await world.rules(f"heeding-{weight}", ranking={weight: 3_600})
    for service_type, first in ((plain, worse), (heeding, better)):
        job = world.job(at, service_type)
        await world.created(job)
        assert (await world.hears(OfferCreated, job.id)).driver_id == first
        await world.cancelled(job)
        await world.hears(OfferWithdrawn, job.id)


async def says_no(world, driver, at):
    """To a job that only this driver is in reach of."""
    narrow = await world.rules("narrow", radii_m=[1_000])
    job = world.job(north(at, 0.5), narrow)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    await world.decline(driver, job.id)
    await world.hears(SearchFailed, job.id)


async def test_changed_settings_are_for_searches_that_begin_after(world):
    """B14: a search under way goes on as it began."""
    name = await world.rules("changing", offer_seconds=LONG, tries=2, radii_m=[10_000])
    at = world.place()
    one, two, three = [await world.driver(north(at, km)) for km in (1, 2, 3)]
    job = world.job(at, name)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    await world.rules("changing", "broadcast", offer_seconds=60, radii_m=[500])
    await world.decline(one, job.id)
    second = await world.hears(OfferCreated, job.id, lambda offer: offer.number == 2)
    assert (second.driver_id, second.exclusive) == (two, True)
    offer = (await world.offers(job.id))[1]
    assert seconds(offer["expires_at"], offer["created_at"]) == LONG
    await world.decline(two, job.id)
    failed = await world.hears(SearchFailed, job.id)
    assert (failed.reason, failed.tried) == (SearchFailure.max_tries, 2)
    after = world.job(north(at, 3), name)
    await world.created(after)
    shown = await world.hears(OfferCreated, after.id)
    assert (shown.driver_id, shown.exclusive) == (three, False)
    await world.retried(job.model_copy(update={"attempt": 2}))
    assert (await world.hears(SearchStarted, job.id, lambda start: start.attempt == 2)).mode == "broadcast"


async def test_what_admins_set_is_what_they_read(world):
    """B14"""
    steps = [{"policy": "direct"}, {"policy": "group", "at_once": 4}, {"policy": "broadcast"}]
    answer = await sets(world, "own", {"steps": steps, "ranking": {"idle": 3}})
    assert answer.status_code == 200
    assert (await reads(world, "/own")).json() == answer.json()
    assert [step["policy"] for step in answer.json()["steps"]] == ["direct", "group", "broadcast"]
    assert answer.json()["ranking"] == RANKED_BY_ETA | {"idle": 3}
    assert answer.json()["steps"][1]["tries"] == 4


@pytest.mark.parametrize(
    "rules",
    [
        {},
        [],
        {"steps": []},
        {"steps": [{"policy": "carousel"}]},
        {"steps": [{"policy": "cascade", "tries": 0}]},
        {"steps": [{"policy": "broadcast"}, {"policy": "cascade"}]},
        {"steps": [{"policy": "cascade", "at_once": 3}]},
        {"steps": [{"policy": "cascade"}], "search_seconds": 10**30},
        {"steps": [{"policy": "cascade"}], "ranking": {"beauty": 1}},
        {"mode": "cascade"},
    ],
    ids=str,
)
async def test_rules_that_make_no_sense_are_refused_and_change_nothing(world, rules):
    """B14: 422."""
    refused = await sets(world, "courier", rules)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid"), refused.text
    assert (await reads(world, "/courier")).json() == COURIER


@pytest.mark.parametrize("name", ["Courier", "9lives", "a" * 51, "a.b", "%20"])
async def test_a_service_type_has_a_plain_name(world, name):
    """B14: 422."""
    refused = await sets(world, name, {"steps": [{"policy": "cascade"}]})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid"), refused.text


@pytest.mark.parametrize("role", ["user", "pilot"])
async def test_settings_are_for_admins_only(world, role):
    """B14: 403; and what is not there is 404."""
    answers = [
        await reads(world, "/courier", role=role),
        await sets(world, "courier", HAUL, role=role),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "forbidden")] * 2
    assert (await reads(world, "/courier")).json() == COURIER
    unknown = await reads(world, "/teleport")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


async def test_an_unknown_service_type_fails_the_search_with_that_reason(world):
    """B14, B8"""
    job = world.job(world.place(), "teleport")
    await world.created(job)
    assert (await world.hears(SearchFailed, job.id)).reason is SearchFailure.unknown_service_type


@pytest.mark.parametrize("role", ["user", "pilot"])
async def test_everybody_may_know_what_can_be_ordered_and_no_more(world, role):
    """D1, B14: names; the rules and words behind them are the admins'."""
    assert (await sets(world, "express", {"steps": [{"policy": "direct"}]})).status_code == 200
    answer = await reads(world, role=role)
    assert answer.status_code == 200
    named = answer.json()["items"]
    assert {"name": "courier"} in named
    assert all(one.keys() == {"name"} for one in named)
    assert [one["name"] for one in named] == [one["name"] for one in (await reads(world)).json()["items"]]
    assert (await reads(world, "/courier", role=role)).status_code == 403
