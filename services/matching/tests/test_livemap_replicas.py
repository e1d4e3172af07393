"""The admins' map, asked of replicas none of which has the whole of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from h3.api import basic_str as h3

from matching.regions import owner_of, region_of

from .test_replicas import PATIENCE, Fleet, Replica, _across_a_border, _fleet

pytestmark = pytest.mark.timeout(600)  # each of them starts processes


@pytest.fixture
async def fleet(backend: Any, nats_url: str) -> AsyncIterator[Fleet]:
    async with _fleet(backend, nats_url) as fleet:
        yield fleet


async def shown(
    fleet: Fleet,
    replica: Replica,
    at: tuple[float, float],
    holds: Any,
    *,
    limit: int = 500,
    reach: float = 0.1,
) -> Any:
    """What this replica answers of the box so many degrees around, as soon as this holds."""
    lat, lng = at
    view = {
        "west": lng - reach,
        "south": lat - reach,
        "east": lng + reach,
        "north": lat + reach,
        "limit": limit,
    }
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await replica.http.get(
                "/v1/drivers", params=view, headers=fleet.world.auth("root", "admin")
            )
            assert answer.status_code == 200, answer.text
            told = answer.json()
            if told["complete"] and holds(told):
                return told
            await asyncio.sleep(0.1)


def places(told: Any) -> dict[str, tuple[float, float]]:
    return {driver["id"]: (driver["lat"], driver["lng"]) for driver in told["drivers"]}


def counts(told: Any) -> tuple[int, int]:
    """Idle and busy drivers, of all cells."""
    idle, busy = (sum(cell[state] for cell in told["cells"]) for state in ("idle", "busy"))
    return idle, busy


async def test_the_map_is_the_same_whichever_replica_is_asked(fleet: Fleet) -> None:
    """D3: of a box over two regions, each another's; whoever of them let the drivers in."""
    one, two = [await fleet.start() for _ in range(2)]
    world, expected = fleet.world, {}
    here, there = _across_a_border(fleet, one, two)
    for let_in_by in (one, two):
        world.http = let_in_by.http
        for at in (here, there):
            expected[await world.driver(at)] = at
    await fleet.settled(one, two)
    busy = await world.busy(there, vehicle_type="van")
    expected[busy] = there
    for replica in (one, two):
        await shown(fleet, replica, here, lambda told: places(told) == expected)
        crowd = await shown(fleet, replica, here, lambda told: counts(told) == (4, 1), limit=4)
        assert (crowd["drivers"], crowd["total"]) == ([], 5)


async def test_a_wide_map_has_what_only_the_owners_know(fleet: Fleet) -> None:
    """D3: of regions so far apart that no replica hears of the other's drivers."""
    one, two = [await fleet.start() for _ in range(2)]
    world, here = fleet.world, fleet.place_of(one, two)
    world.http = one.http
    around = h3.grid_ring(region_of(*here), 4)
    there = h3.cell_to_latlng(next(cell for cell in around if owner_of(cell, [one.id, two.id]) == two.id))
    expected = {await world.driver(at): at for at in (here, there)}
    await fleet.settled(one, two)
    for replica in (one, two):
        await shown(fleet, replica, here, lambda told: places(told) == expected, reach=5)


async def test_a_driver_who_crosses_a_border_is_in_one_place(fleet: Fleet) -> None:
    """D3: where it was last, and not where another replica saw it before."""
    one, two = [await fleet.start() for _ in range(2)]
    here, there = _across_a_border(fleet, one, two)
    fleet.world.http = two.http
    driver = await fleet.world.driver(here)
    await fleet.world.driver((there[0] + 20, there[1]))
    await fleet.settled(one, two)
    for at in (there, here, there):
        await fleet.world.moves(driver, at)
        for replica in (one, two):
            told = await shown(fleet, replica, here, lambda told, at=at: places(told) == {driver: at})
            assert told["total"] == 1


async def test_the_drivers_of_a_killed_replica_stay_on_the_map(fleet: Fleet) -> None:
    """D3, B13: while its lease runs on, and nobody else owns its regions."""
    one, two = [await fleet.start(lease_seconds=3600) for _ in range(2)]
    world = fleet.world
    world.http = two.http
    at = fleet.place_of(one, two)
    driver = await world.driver(at)
    await fleet.settled(one, two)
    await shown(fleet, two, at, lambda told: places(told) == {driver: at})
    await one.is_killed()
    moved = at[0] + 0.01, at[1]
    await world.moves(driver, moved)
    await shown(fleet, two, at, lambda told: places(told) == {driver: moved})
