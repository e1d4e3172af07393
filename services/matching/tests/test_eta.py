"""Travel times of a routing engine, and the straight line where it has none. The engine is a real server."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.events import OfferCreated
from matching.eta import StraightLine, travel_times
from matching.settings import Settings
from matching.supply import Supply

from .conftest import KEY, World, free_port
from .engine import routing_engine

PICKUP = (52.5, 13.4)


def north(at, km):
    return at[0] + km / 111.2, at[1]


@pytest.fixture(scope="module")
def engine():
    with routing_engine() as running:
        yield running


@pytest.fixture(autouse=True)
def sound(engine):
    """No trouble is left from the test before."""
    engine.sound()


@pytest.fixture(scope="module")
def changes(engine):
    return {"osrm_url": engine.url, "osrm_seconds": 2.0}


def settings(url, seconds=5.0):
    unused: dict[str, Any] = {
        "nats_url": "nats://none:1",
        "database_url": "postgresql://none",
        "jwt_key": KEY,
    }
    return Settings(**unused, osrm_url=url, osrm_seconds=seconds)


def there(*places):
    """The drivers at these places, as the map and a look for drivers have them."""
    supply = Supply()
    for number, place in enumerate(places):
        supply.move(f"d{number}", place[0], place[1], datetime.now(UTC))
    distances = {f"d{number}": 1_000.0 * (number + 1) for number in range(len(places))}
    return supply, distances


async def times(url, supply, distances, seconds=5.0):
    job = World.job(PICKUP)
    async with travel_times(settings(url, seconds)) as eta:
        return await eta.seconds(supply, job, distances)


async def straight(supply, distances):
    return await StraightLine().seconds(supply, World.job(PICKUP), distances)


async def test_without_an_engine_it_is_the_straight_line():
    """B2"""
    async with travel_times(settings(None)) as eta:
        assert isinstance(eta, StraightLine)
    assert await times(None, *there(PICKUP, PICKUP)) == {"d0": 162.5, "d1": 325.0}


async def test_the_engine_is_asked_once_for_all_from_each_driver_to_the_pickup(engine):
    """B2: and its seconds are what counts."""
    one, two = north(PICKUP, 1), north(PICKUP, 2)
    engine.takes(one, 700.5)
    engine.takes(two, 0)
    assert await times(engine.url, *there(one, two)) == {"d0": 700.5, "d1": 0}
    [places] = engine.asked
    assert [pytest.approx(place, abs=1e-6) for place in (PICKUP, one, two)] == places


async def test_where_no_road_leads_the_straight_line_does(engine):
    """B2"""
    island, town = north(PICKUP, 1), north(PICKUP, 2)
    engine.takes(island, None)
    engine.takes(town, 60)
    assert await times(engine.url, *there(island, town)) == {"d0": 162.5, "d1": 60}


async def test_fifty_are_asked_about_and_the_rest_go_by_the_straight_line(engine):
    """B2: the nearest fifty; the address would be too long."""
    places = [engine.takes(north(PICKUP, n / 100), 1) for n in range(60)]
    supply, distances = there(*places)
    found = await times(engine.url, supply, distances)
    assert [len(asked) for asked in engine.asked] == [51]
    expected = await straight(supply, distances) | {f"d{n}": 1.0 for n in range(50)}
    assert found == expected


async def test_who_has_no_place_any_more_goes_by_the_straight_line(engine):
    """B2"""
    place = engine.takes(north(PICKUP, 1), 9)
    supply, distances = there(place)
    assert await times(engine.url, supply, distances | {"gone": 8_000.0}) == {"d0": 9, "gone": 1_300}
    engine.asked.clear()
    assert await times(engine.url, supply, {"gone": 8_000.0}) == {"gone": 1_300}
    assert engine.asked == []


TROUBLE = [
    (500, b"out of order"),
    (400, b'{"code": "TooBig", "message": "Too many table coordinates"}'),
    (302, b""),
    (200, b""),
    (200, b"<html>"),
    (200, b"[]"),
    (200, b'{"code": "NoTable", "durations": [[1], [1]]}'),
    (200, b'{"code": "Ok"}'),
    (200, b'{"code": "Ok", "durations": [[1, 2], [3, 4]]}'),
    (200, b'{"code": "Ok", "durations": [["soon"], [1]]}'),
    (200, b'{"code": "Ok", "durations": [[NaN], [1]]}'),
    (200, b'{"code": "Ok", "durations": [[-1], [1]]}'),
    (200, b'{"code": "Ok", "durations": []}'),
]


@pytest.mark.parametrize(("status", "body"), TROUBLE)
async def test_an_answer_that_makes_no_sense_leaves_the_straight_line(engine, status, body):
    """B2, A11"""
    engine.answer = status, body
    supply, distances = there(north(PICKUP, 1), north(PICKUP, 2))
    assert await times(engine.url, supply, distances) == await straight(supply, distances)
    assert len(engine.asked) == 1


async def test_an_engine_that_hangs_is_waited_for_no_longer_than_set(engine):
    """B2, A11: it never answers; were it waited for, neither would this."""
    engine.hangs = True
    supply, distances = there(north(PICKUP, 1))
    assert await times(engine.url, supply, distances, seconds=0.1) == await straight(supply, distances)


async def test_an_engine_that_is_away_leaves_the_straight_line():
    """B2, A11"""
    supply, distances = there(north(PICKUP, 1))
    away = f"http://127.0.0.1:{free_port()}"
    assert await times(away, supply, distances) == await straight(supply, distances)


async def test_who_is_nearer_by_road_is_asked_first(world, engine):
    """B2, E4: and the look for drivers keeps the seconds."""
    at = world.place()
    over_the_river = await world.driver(engine.takes(north(at, 1), 900))
    along_the_road = await world.driver(engine.takes(north(at, 2), 240))
    job = world.job(at)
    await world.created(job)
    assert (await world.hears(OfferCreated, job.id)).driver_id == along_the_road
    [look] = (await world.dispatch(job.id))[0]["decisions"]
    etas = {one["driver_id"]: one["eta_s"] for one in look["candidates"]}
    assert etas == {over_the_river: 900, along_the_road: 240}


@pytest.mark.parametrize("trouble", ["error", "hangs"])
async def test_with_an_engine_in_trouble_the_straight_line_decides_and_the_offer_is_made(
    world, engine, trouble
):
    """B2, A11"""
    at = world.place()
    near = await world.driver(engine.takes(north(at, 1), 900))
    await world.driver(engine.takes(north(at, 2), 240))
    engine.hangs, engine.answer = trouble == "hangs", (503, b"busy")
    job = world.job(at)
    await world.created(job)
    assert (await world.hears(OfferCreated, job.id)).driver_id == near
    assert engine.asked


async def test_a_broadcast_asks_no_engine(world, engine):
    """A1: everybody in reach is shown it, whoever is there first."""
    at = world.place()
    driver = await world.driver(engine.takes(at, 60))
    job = world.job(at, "haul")
    await world.created(job)
    assert (await world.hears(OfferCreated, job.id)).driver_id == driver
    assert engine.asked == []
