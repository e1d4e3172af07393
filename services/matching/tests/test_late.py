"""Commands that come when the world has moved on. Their transactions are made here, with a clock of ours."""

from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from contracts.events import OfferCreated
from matching import usecases
from matching.asking import Reach
from matching.eta import StraightLine
from matching.positions import Whereabouts
from matching.regions import region_of
from matching.share import Share
from matching.supply import Supply
from wire.outbox import Outbox
from wire.sql import open_database


@asynccontextmanager
async def transaction(world):
    async with open_database(world.settings, Outbox().hand_over) as database, database.transaction() as tx:
        yield tx


def reach(world, supply, place):
    """As of a replica that has the map there."""
    share = Share()
    share.ready = {region_of(*place): 30_000}
    return Reach(supply, StraightLine(), share, Whereabouts(world.nc, supply))


async def offered_to(world, job_id):
    [attempt] = await world.dispatch(job_id)
    return [(offer["driver_id"], offer["state"]) for offer in attempt["offers"]]


@pytest.mark.parametrize(("late", "asked"), [(-1, True), (0, False)])
async def test_nobody_is_asked_once_the_searchs_time_is_over(world, late, asked):
    """B9: a decline that comes before the timer, and after the deadline, brings nobody a dead pop-up."""
    place = world.place()
    courier = await world.rules("over-soon", search_seconds=3000, offer_seconds=3600)
    first = await world.driver(place)
    job = world.job(place, courier)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    second = await world.driver(place)
    supply = Supply()
    async with transaction(world) as tx:
        tx.now += timedelta(seconds=3000 + late)
        supply.move(second, place[0], place[1], tx.now)
        supply.mark(second, gate=None, vehicle_type=None, version=1)
        await usecases.decline(tx, reach(world, supply, place), first, job.id)
    expected = [(first, "declined")] + [(second, "pending")] * asked
    assert await offered_to(world, job.id) == expected


async def test_a_driver_who_is_back_keeps_its_offer(world):
    """B6: that it had been busy or offline is heard late; it is neither any more."""
    place = world.place()
    driver = await world.driver(place)
    job = world.job(place)
    await world.created(job)
    await world.hears(OfferCreated, job.id)
    async with transaction(world) as tx:
        await usecases.settle(tx, reach(world, Supply(), place), driver, "driver_busy")
    assert await offered_to(world, job.id) == [(driver, "pending")]


async def test_a_newcomer_who_took_a_job_meanwhile_is_shown_no_other(world):
    """A9: open jobs are put before it one after the other."""
    place, elsewhere = world.place(), world.place()
    haul = await world.rules("late-haul", "broadcast")
    open_job = world.job(elsewhere, haul)
    await world.created(open_job)
    driver = await world.driver(place)
    taken = world.job(place, haul)
    await world.created(taken)
    await world.hears(OfferCreated, taken.id)
    [attempt] = await world.dispatch(open_job.id)
    for busy in (False, True):
        if busy:
            assert (await world.accept(driver, taken.id)).status_code == 200
        else:
            other = await world.driver(place)
        async with transaction(world) as tx:
            await usecases.offer_to_newcomer(tx, attempt["search_id"], driver if busy else other)
    assert await offered_to(world, open_job.id) == [(other, "pending")]
