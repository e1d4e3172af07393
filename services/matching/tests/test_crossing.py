"""Two commands of which each wants the driver that the other one holds."""

import asyncio

from contracts.events import OfferCreated

from .stopping import Point, stopping

NEAR_THEN_FAR = [
    {"policy": "group", "at_once": 2, "radii_m": [1000], "offer_seconds": 600},
    {"policy": "cascade", "radii_m": [15000], "offer_seconds": 600},
]


async def test_two_drivers_who_decline_and_are_each_asked_the_other_ones_job_do_not_block_each_other(world):
    """B5: what waits for a driver comes before another one is reserved, so neither waits for ever."""
    name = await world.rules("near-then-far", steps=NEAR_THEN_FAR, search_seconds=600)
    lat, lng = world.place()
    places = [(lat, lng), (lat + 0.03, lng)]  # 3.3 km apart: at first only the driver at the spot is asked
    drivers = [await world.driver(at) for at in places]
    jobs = [world.job(at, name) for at in places]
    for job, driver in zip(jobs, drivers, strict=True):
        await world.created(job)
        await world.hears(OfferCreated, job.id, lambda one, d=driver: one.driver_id == d)

    url = world.settings.database_url.get_secret_value()
    async with stopping(
        url,
        Point(
            "counted or reserved", table="driver", change="UPDATE", when="NEW.offers_lost > OLD.offers_lost"
        ),
    ) as stop:
        declining = [
            asyncio.create_task(world.decline(driver, job.id))
            for job, driver in zip(jobs, drivers, strict=True)
        ]
        await stop.reached(by=2)
        await stop.let_go()
        answers = await asyncio.gather(*declining)

    assert [answer.status_code for answer in answers] == [200, 200]
    for job, driver in zip(jobs, reversed(drivers), strict=True):
        await world.hears(OfferCreated, job.id, lambda one, d=driver: one.driver_id == d)
