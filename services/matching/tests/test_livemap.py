"""The admins' map of drivers, over HTTP."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from h3.api import basic_str as h3
from sqlalchemy import text

from contracts.events import DriverLocated, OfferCreated
from matching.boxes import Box, regions_near
from matching.geo import CELL
from matching.regions import region_of

from .conftest import PATIENCE_S


@pytest.fixture(scope="module")
def changes():
    return {"location_seconds": 0}


def around(at, degrees=0.2):
    return {
        "west": at[1] - degrees,
        "south": at[0] - degrees,
        "east": at[1] + degrees,
        "north": at[0] + degrees,
    }


async def asks(world, role="admin", **view):
    return await world.http.get("/v1/drivers", params=view, headers=world.auth("root", role))


async def sees(world, holds, **view):
    """What the map shows, as soon as this holds: positions are on their way for a moment."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = await asks(world, **view)
            assert answer.status_code == 200, answer.text
            shown = answer.json()
            if shown["complete"] and holds(shown):
                return shown
            await asyncio.sleep(0.05)


def states(shown):
    return {driver["id"]: driver["state"] for driver in shown["drivers"]}


def counted(shown):
    """Its cells, by the numbers of idle and busy drivers."""
    return {(cell["idle"], cell["busy"]): cell for cell in shown["cells"]}


async def test_every_driver_on_duty_is_shown_with_what_it_does(world):
    """D3: idle, before an offer, on a job; and nothing that a map does not need, as phone numbers."""
    at = world.place()
    offered, busy = await world.driver(at, vehicle_type="van"), await world.busy(at)
    job = world.job(at, vehicle_type="van")
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    idle = await world.driver(at, vehicle_type="bike", phone="+1 555 0100")
    expected = {idle: "idle", offered: "offered", busy: "busy"}
    shown = await sees(world, lambda shown: states(shown) == expected, **around(at))
    assert (shown["total"], shown["cells"]) == (3, [])
    one = next(driver for driver in shown["drivers"] if driver["id"] == idle)
    assert datetime.fromisoformat(one.pop("at")) <= datetime.now(UTC)
    assert one == {
        "id": idle,
        "lat": at[0],
        "lng": at[1],
        "heading": None,
        "state": "idle",
        "vehicle_type": "bike",
    }


async def test_a_driver_is_where_it_was_last(world):
    """D3: as its app says so, with its heading."""
    at = world.place()
    driver = await world.driver(at)
    there = {"lat": at[0] + 0.1, "lng": at[1] - 0.1, "heading": 270.0, "speed": 8.0}
    answer = await world.http.post("/v1/drivers/me/location", json=there, headers=world.auth(driver))
    assert answer.json() == {"used": True}
    shown = await sees(world, lambda shown: shown["drivers"][0]["heading"], **around(at))
    assert [(one["lat"], one["lng"], one["heading"]) for one in shown["drivers"]] == [(*there.values(),)[:3]]


async def test_who_is_not_on_duty_is_not_shown(world):
    """D3: offline, suspended, awaiting approval; nor who is beside the box."""
    at = world.place()
    there, gone, suspended = [await world.driver(at) for _ in range(3)]
    await world.driver((at[0] + 0.3, at[1]))
    await sees(world, lambda shown: shown["total"] == 3, **around(at))
    await world.http.post("/v1/drivers/me/offline", headers=world.auth(gone))
    await world.http.post(f"/v1/drivers/{suspended}/suspend", headers=world.auth("root", "admin"))
    await sees(world, lambda shown: states(shown) == {there: "idle"}, **around(at))


async def test_a_crowd_is_counted_by_cell(world):
    """D3: as many as asked for are shown one by one, one more and all are counted, each in its cell."""
    at = world.place()
    north = [await world.driver((at[0] + 0.1, at[1])) for _ in range(4)]
    south = [await world.driver((at[0] - 0.1, at[1])) for _ in range(2)] + [
        await world.busy((at[0] - 0.1, at[1]), vehicle_type="van")
    ]
    view = around(at)
    shown = await sees(world, lambda shown: shown["total"] == 7, **view, limit=7)
    assert (set(states(shown)), shown["cells"]) == ({*north, *south}, [])
    shown = await sees(world, lambda shown: counted(shown).keys() == {(4, 0), (2, 1)}, **view, limit=6)
    assert (shown["drivers"], shown["total"]) == ([], 7)
    counts = counted(shown)
    fit = Box(**view).resolution()
    for cell, lat in ((counts[4, 0], at[0] + 0.1), (counts[2, 1], at[0] - 0.1)):
        assert cell["cell"] == h3.cell_to_parent(h3.latlng_to_cell(lat, at[1], CELL), fit)
        assert (cell["lat"], cell["lng"]) == h3.cell_to_latlng(cell["cell"])


async def test_a_box_may_lie_over_the_antimeridian(world):
    """D3: west > east."""
    fiji, samoa, greenwich = [await world.driver((-16.5, lng)) for lng in (179.9, -179.9, 0.0)]
    view = {"west": 179, "south": -17, "east": -179, "north": -16}
    shown = await sees(world, lambda shown: shown["total"] == 2, **view)
    assert set(states(shown)) == {fiji, samoa}
    other_way = {**view, "west": -179, "east": 179}
    assert greenwich in states(await sees(world, lambda shown: shown["total"], **other_way))


async def test_a_driver_is_shown_where_there_never_was_a_job_or_a_driver(world):
    """D3: it came online without a place. Somebody listens there from now on."""
    at = (-33.9, 151.2)
    driver, view = await world.driver(None), around(at)
    await world.moves(driver, at)
    await sees(world, lambda shown: states(shown) == {driver: "idle"}, **view)
    async with world.engine.connect() as connection:
        known = set((await connection.execute(text("SELECT cell FROM region"))).scalars())
    assert known & (regions_near(Box(**view)) or set()) == {region_of(*at)}
    await world.until_heard()
    await world.moves(driver, (at[0] + 0.1, at[1]))
    await sees(world, lambda shown: shown["drivers"][0]["lat"] == at[0] + 0.1, **view)


async def test_a_region_nobody_listens_to_may_be_crowded(world):
    """D3: more last positions than the stream gives at once; the answer says that it is not complete."""
    at, js = (-37.8, 144.9), world.nc.jetstream()
    drivers = [await world.driver(None) for _ in range(3)]
    for number in range(1_100):
        name = drivers[number] if number < len(drivers) else f"stranger-{number}"
        there = DriverLocated(driver_id=name, lat=at[0], lng=at[1], recorded_at=datetime.now(UTC))
        await js.publish(there.subject(region_of(*at)), there.model_dump_json().encode())
    first = (await asks(world, **around(at))).json()
    assert (first["complete"], first["total"]) == (False, 0)
    shown = await sees(world, lambda shown: shown["total"] == 3, **around(at))
    assert set(states(shown)) == set(drivers)


async def test_who_has_not_been_heard_of_is_not_shown(world):
    """D3, C4: as long ago as drivers may be silent; the map does not say where somebody was."""
    at, long_ago = world.place(), datetime.now(UTC) - timedelta(hours=2)
    fresh, stale = await world.driver(at), await world.driver(None)
    await world.moves(stale, at, long_ago)
    await sees(world, lambda shown: states(shown) == {fresh: "idle"}, **around(at))


@pytest.mark.parametrize("role", ["user", "pilot"])
async def test_only_admins_see_the_map(world, role):
    """D3, C6."""
    refusal = await asks(world, role, west=0, south=0, east=1, north=1)
    assert (refusal.status_code, refusal.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "wrong",
    [
        {"north": "-1"},
        {"north": "90.1"},
        {"west": "-181"},
        {"east": "nan"},
        {"south": "-inf"},
        {"limit": "0"},
        {"limit": "2001"},
        {"west": "here"},
    ],
    ids=str,
)
async def test_a_view_that_is_none_is_refused(world, wrong):
    """D3: south of its north, finite, on earth."""
    view = {"west": "0", "south": "0", "east": "1", "north": "1"} | wrong
    refusal = await asks(world, **view)
    assert (refusal.status_code, refusal.json()["code"]) == (422, "invalid")
    assert refusal.headers["content-type"] == "application/problem+json"


async def test_a_view_has_four_sides(world):
    refusal: httpx.Response = await asks(world, west=0, south=0, east=1)
    assert refusal.status_code == 422
    assert [error["field"] for error in refusal.json()["errors"]] == ["query.north"]
