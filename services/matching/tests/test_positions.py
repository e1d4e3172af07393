"""A driver's position over HTTP: the checks and effects of the socket's `pilot:location`."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from contracts.events import DriverLocated, JobTracked, OfferCreated
from contracts.subjects import live_track, recorded_track
from matching.settings import Settings

from .conftest import PATIENCE_S, free_port, serving

LONG = 3_600


@pytest.fixture(scope="module")
def changes():
    """One position a driver is used, and those that follow in the hour are not."""
    return {"location_seconds": LONG}


async def sends(world, driver, position, http=None):
    return await (http or world.http).post(
        "/v1/drivers/me/location", json=position, headers=world.auth(driver)
    )


def north(at, km):
    return at[0] + km / 111.2, at[1]


async def test_a_position_over_http_moves_the_driver_on_the_map_and_tells_the_bus(world):
    """A13, C3"""
    at = world.place()
    driver = await world.driver(world.place())
    told = await world.nc.subscribe("driver.location.>")
    await world.nc.flush()
    before = datetime.now(UTC)
    answer = await sends(world, driver, {"lat": at[0], "lng": at[1], "heading": 359.5, "speed": 13.25})
    assert (answer.status_code, answer.json()) == (200, {"used": True})
    located = DriverLocated.model_validate_json((await told.next_msg(PATIENCE_S)).data)
    assert before <= located.recorded_at <= datetime.now(UTC)
    expected = {"driver_id": driver, "lat": at[0], "lng": at[1], "heading": 359.5, "speed": 13.25}
    assert located.model_dump(exclude={"recorded_at"}) == expected
    await told.unsubscribe()
    job = world.job(at)
    await world.created(job)
    assert (await world.hears(OfferCreated, job.id)).driver_id == driver


async def test_on_a_job_it_goes_to_the_room_and_into_the_history(world):
    """A13, C3: heading and speed may be missing."""
    at = world.place()
    driver = await world.driver(at)
    job = world.job(at, "haul")
    await world.wins(driver, job)
    live = await world.nc.subscribe(live_track(job.id))
    kept = await world.nc.jetstream().subscribe(recorded_track(job.id), ordered_consumer=True)
    await world.nc.flush()
    here = north(at, 1)
    assert (await sends(world, driver, {"lat": here[0], "lng": here[1]})).json() == {"used": True}
    for heard in (await live.next_msg(PATIENCE_S), await kept.next_msg(PATIENCE_S)):
        track = JobTracked.model_validate_json(heard.data)
        assert (track.job_id, track.driver_id, track.lat, track.lng) == (job.id, driver, *here)
        assert (track.heading, track.speed) == (None, None)
    await live.unsubscribe()
    await kept.unsubscribe()


async def test_without_a_job_nothing_goes_into_a_history(world):
    """A13"""
    driver = await world.driver(world.place())
    heard = []

    async def hear(message):
        heard.append(message)

    tracks = await world.nc.subscribe("tracking.>", cb=hear)
    located = await world.nc.subscribe("driver.location.>")
    await world.nc.flush()
    await sends(world, driver, {"lat": 1, "lng": 1})
    await located.next_msg(PATIENCE_S)
    await world.nc.flush()
    assert heard == []
    await tracks.unsubscribe()
    await located.unsubscribe()


async def test_of_many_positions_at_once_one_is_used(world):
    """A13, C3: one of each driver in the time that is set; the others are dropped without an error."""
    drivers = [await world.driver(None) for _ in range(2)]
    answers = await asyncio.gather(
        *(sends(world, driver, {"lat": 1, "lng": 1}) for driver in drivers for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {200}
    for some in (answers[:20], answers[20:]):
        assert sorted(answer.json()["used"] for answer in some) == [False] * 19 + [True]


async def test_when_the_time_is_over_the_next_is_used(world):
    """A13, C3: by default a second."""
    assert Settings.model_fields["location_seconds"].default == 1
    driver = await world.driver(None)
    settings = world.settings.model_copy(
        update={"http_port": free_port(), "database_pool": 5, "location_seconds": 0.05}
    )
    async with serving(settings) as http, asyncio.timeout(PATIENCE_S):
        used = 0
        while used < 2:
            used += (await sends(world, driver, {"lat": 1, "lng": 1}, http)).json()["used"]


@pytest.mark.parametrize(
    "position",
    [
        {},
        {"lat": 1},
        {"lat": 90.0001, "lng": 0},
        {"lat": -90.0001, "lng": 0},
        {"lat": 0, "lng": 180.0001},
        {"lat": 0, "lng": -180.0001},
        {"lat": "north", "lng": 0},
        {"lat": None, "lng": 0},
        {"lat": 0, "lng": 0, "heading": 360.1},
        {"lat": 0, "lng": 0, "heading": -1},
        {"lat": 0, "lng": 0, "speed": -1},
        {"lat": 0, "lng": 0, "speed": 150.1},
        {"lat": float("nan"), "lng": 0},
        {"lat": 0, "lng": float("inf")},
        {"lat": 0, "lng": 0, "speed": float("nan")},
    ],
    ids=str,
)
async def test_a_position_that_is_nowhere_is_refused_and_the_next_is_used(world, position):
    """A13: a clear answer, never a 500."""
    driver = await world.driver(None)
    headers = world.auth(driver) | {"Content-Type": "application/json"}
    body = json.dumps(position)
    refused = await world.http.post("/v1/drivers/me/location", content=body, headers=headers)
    assert refused.status_code in {400, 422}, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await sends(world, driver, {"lat": 90, "lng": -180})).json() == {"used": True}


async def test_only_the_driver_itself_sends_its_position(world):
    """A13: 401 without a token, 403 for customers and admins, 404 for a driver who is not registered."""
    here = {"lat": 1, "lng": 1}
    nobody = await world.http.post("/v1/drivers/me/location", json=here)
    assert nobody.status_code == 401
    for role in ("user", "admin"):
        headers = world.auth("ann", role)
        other = await world.http.post("/v1/drivers/me/location", json=here, headers=headers)
        assert (other.status_code, other.json()["code"]) == (403, "forbidden")
    stranger = await sends(world, "never-heard-of", here)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "not_found")
