"""What an operator sees of matching: how searches end, how long customers wait, who could drive."""

import asyncio
import re

import pytest

from contracts.events import AssignmentCreated, OfferCreated, SearchFailed, SearchTimedOut
from matching import metrics, stock
from matching.supply import Supply
from wire.sql import open_database

from .conftest import World

PATIENCE_S = 60


async def figure(world: World, line: str) -> float:
    """A sample as /metrics has it, by its name and labels; 0 if there is none yet."""
    text = (await world.http.get("/metrics")).text
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.M)
    return float(found[1]) if found else 0.0


async def reaches(world: World, line: str, number: float) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await figure(world, line) != number:
            await asyncio.sleep(0.05)


async def test_a_search_is_counted_by_its_outcome_with_what_the_customer_waited(world: World) -> None:
    at, name = world.place(), await world.rules("counted")
    driver = await world.driver(at)
    await world.wins(driver, job := world.job(at, name))
    await world.hears(AssignmentCreated, job.id)
    for line in (
        f'waggle_searches_started_total{{service_type="{name}"}}',
        f'waggle_searches_ended_total{{outcome="assigned",service_type="{name}"}}',
        f'waggle_search_first_offer_seconds_count{{service_type="{name}"}}',
        f'waggle_search_assignment_seconds_count{{service_type="{name}"}}',
    ):
        await reaches(world, line, 1)
    waited = await figure(world, f'waggle_search_assignment_seconds_sum{{service_type="{name}"}}')
    assert (
        waited >= await figure(world, f'waggle_search_first_offer_seconds_sum{{service_type="{name}"}}') > 0
    )


async def test_an_assignment_that_is_cancelled_ends_no_search_a_second_time(world: World) -> None:
    at, name = world.place(), await world.rules("taken-back")
    await world.wins(await world.driver(at), job := world.job(at, name))
    before = await figure(world, "waggle_assignments_released_total")
    await world.cancelled(job)
    await reaches(world, "waggle_assignments_released_total", before + 1)
    ended = f'waggle_searches_ended_total{{outcome="%s",service_type="{name}"}}'
    assert (await figure(world, ended % "assigned"), await figure(world, ended % "cancelled")) == (1, 0)


async def test_deadlines_tell_how_late_they_were_dealt_with(world: World) -> None:
    """B4, B9"""
    at = world.place()
    name = await world.rules("brief", offer_seconds=1, search_seconds=2)
    await world.driver(at)
    counts = {
        kind: f'waggle_deadline_lateness_seconds_count{{kind="{kind}"}}' for kind in ("offer", "search")
    }
    before = {kind: await figure(world, line) for kind, line in counts.items()}
    gone = 'waggle_offers_ended_total{outcome="expired"}'
    expired = await figure(world, gone)
    await world.created(job := world.job(at, name))
    await world.hears(OfferCreated, job.id)
    await reaches(world, counts["offer"], before["offer"] + 1)
    await reaches(world, gone, expired + 1)

    name = await world.rules("nobody", "broadcast", search_seconds=1)
    await world.created(job := world.job(at, name))
    await world.hears(SearchTimedOut, job.id)
    await reaches(world, counts["search"], before["search"] + 1)


async def test_a_service_type_that_nobody_set_up_gets_no_time_series(world: World) -> None:
    """Whoever orders may write any name."""
    await world.created(job := world.job(world.place(), "made-up-by-a-customer"))
    await world.hears(SearchFailed, job.id)
    line = 'waggle_searches_ended_total{outcome="unknown_service_type",service_type="unknown"}'
    async with asyncio.timeout(PATIENCE_S):
        while await figure(world, line) < 1:
            await asyncio.sleep(0.05)
    assert (
        'waggle_searches_ended_total{outcome="unknown_service_type",service_type="made'
        not in (await world.http.get("/metrics")).text
    )


async def test_an_admin_may_set_up_more_service_types_than_there_are_time_series(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "MOST_TYPES", 0)
    name = await world.rules("one-too-many", "broadcast")
    other = 'waggle_searches_started_total{service_type="other"}'
    before = await figure(world, other)
    await world.created(world.job(world.place(), name))
    await reaches(world, other, before + 1)


ONLINE = "SELECT count(*) FROM driver WHERE online AND active_job IS NULL"
BUSY = "SELECT count(*) FROM driver WHERE active_job IS NOT NULL"
SEARCHING = "SELECT count(*) FROM search WHERE state = 'searching'"


async def test_drivers_and_open_searches_are_counted_in_the_database(world: World) -> None:
    """So that each replica says the same."""
    at = world.place()
    await world.driver(at)
    await world.busy(at)
    await world.created(job := world.job(at, await world.rules("waits", "broadcast")))
    await world.hears(OfferCreated, job.id)
    async with open_database(world.settings, lambda _: None) as database:
        counting = asyncio.create_task(stock.watch(database, Supply(), every=0.05))
        for line, query in (
            ('waggle_drivers{state="available"}', ONLINE),
            ('waggle_drivers{state="busy"}', BUSY),
            ("waggle_searches_open", SEARCHING),
        ):
            async with world.engine.connect() as connection:
                there = (await connection.exec_driver_sql(query)).scalar_one()
            assert there
            await reaches(world, line, there)
        counting.cancel()
