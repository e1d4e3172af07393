"""What an operator sees of booking: how jobs go from status to status, and how many are under way."""

import asyncio
import re

from booking import metrics
from wire.settings import DatabaseSettings
from wire.sql import open_database

from .people import KEY, PATIENCE_S, Person, Service, answered

STEP = 'waggle_job_steps_total{from="%s",to="%s"}'


async def figure(booking: Service, line: str) -> float:
    """A sample as /metrics has it, by its name and labels; 0 if there is none yet."""
    text = (await booking.http.get("/metrics")).text
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.M)
    return float(found[1]) if found else 0.0


async def test_each_step_of_a_job_is_counted_once_however_often_it_is_said(
    booking: Service, customer: Person, driver: Person
) -> None:
    """C12"""
    lines = [STEP % step for step in (("none", "pending"), ("pending", "accepted"), ("accepted", "en_route"))]
    before = [await figure(booking, line) for line in lines]
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    for _ in range(2):
        answered(await driver.moves(job, "en_route"), 200)
    assert [await figure(booking, line) for line in lines] == [number + 1 for number in before]


async def test_a_step_that_is_refused_is_not_counted(
    booking: Service, customer: Person, driver: Person
) -> None:
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    before = await figure(booking, STEP % ("accepted", "completed"))
    assert (await driver.moves(job, "completed")).status_code == 409
    assert await figure(booking, STEP % ("accepted", "completed")) == before


async def test_jobs_under_way_are_counted_in_the_database(
    booking: Service, customer: Person, driver: Person
) -> None:
    """So that each replica says the same."""
    await customer.ordered()
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    settings = DatabaseSettings(jwt_key=KEY, database_url=booking.database_url)
    async with open_database(settings, lambda _: None) as database, asyncio.timeout(PATIENCE_S):
        counting = asyncio.create_task(metrics.watch(database, every=0.05))
        while not (
            await figure(booking, 'waggle_jobs_open{status="pending"}')
            and await figure(booking, 'waggle_jobs_open{status="accepted"}')
        ):
            await asyncio.sleep(0.05)
        counting.cancel()
    assert await figure(booking, 'waggle_jobs_open{status="unfulfilled"}') == 0
