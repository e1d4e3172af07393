"""What a driver holds when its phone comes back (C7): the offers in the answer to `ViewDriver`."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.events import OfferCreated
from contracts.ids import new_id
from contracts.requests import GoOffline, GoOnline, ViewDriver
from matching.store import OfferRow, SearchRow
from wire.rpc import request

NEVER = 86_400
LONG = 3_600


@pytest.fixture(scope="module")
def changes():
    return {"sweep_seconds": NEVER, "watch_seconds": NEVER}


async def held(world, driver_id):
    """As the edge asks for it."""
    return (await request(world.nc, ViewDriver(driver_id=driver_id))).offers


async def offered(world, driver_id, job):
    """The job is new; what this driver is told of it."""
    await world.created(job)
    return await world.hears(OfferCreated, job.id, lambda one: one.driver_id == driver_id)


async def patient(world, policy="cascade", **more):
    """A service type whose offers do not end by themselves in a test."""
    return await world.rules(f"patient-{policy}", policy, offer_seconds=LONG, search_seconds=LONG, **more)


async def changed(world, statement, **values):
    """By hand."""
    async with world.engine.begin() as connection:
        await connection.execute(text(statement), values)


def as_told(event):
    told = {"offer_id", "exclusive", "number", "expires_at", "job"}
    return event.model_dump(include=told)


async def test_a_driver_holds_its_exclusive_offer_as_it_was_told_until_it_declines(world):
    """C7, B2, B5"""
    at = world.place()
    driver, next_one = await world.driver(at), await world.driver((at[0] + 0.01, at[1]))
    assert await held(world, driver) == []
    job = world.job(at, await patient(world), items={"boxes": 3}, cash_to_collect=12)
    event = await offered(world, driver, job)
    [offer] = await held(world, driver)
    assert offer.model_dump() == as_told(event)
    assert (offer.exclusive, offer.number, offer.job) == (True, 1, job)
    assert await held(world, next_one) == []
    assert (await world.decline(driver, job.id)).status_code == 200
    assert await held(world, driver) == []
    assert [one.number for one in await held(world, next_one)] == [2]


async def test_a_driver_holds_broadcasts_until_another_takes_them(world):
    """C7, A1, A7: with the one before it alone first, then the newest; others' are not its business."""
    at = world.place()
    driver = await world.driver(at)
    everybody = await world.rules("to-all", "broadcast", search_seconds=None)
    taken = world.job(at, everybody)
    first = await offered(world, driver, taken)
    rival = await world.driver(at)
    second = await offered(world, driver, world.job(at, everybody))
    alone = await offered(
        world, driver, world.job(at, await patient(world, "direct"), requested_driver_id=driver)
    )
    assert [one.model_dump() for one in await held(world, driver)] == [
        as_told(event) for event in (alone, second, first)
    ]
    assert (await world.accept(rival, taken.id)).status_code == 200
    assert [one.offer_id for one in await held(world, driver)] == [alone.offer_id, second.offer_id]
    assert await held(world, rival) == [], "it is on a job"


@pytest.mark.parametrize("policy", ["cascade", "group"])
@pytest.mark.parametrize(
    "ending",
    [
        "UPDATE offer SET expires_at = :past WHERE search_id = :search",
        "UPDATE search SET deadline = :past WHERE id = :search",
    ],
    ids=["offer", "search"],
)
async def test_what_is_past_its_time_is_not_held_though_nobody_noticed_yet(world, policy, ending):
    """C7, B4, B9: an offer that can be accepted no more; also one that others have as well."""
    at = world.place()
    driver = await world.driver(at)
    service_type = await patient(world, policy, **({"at_once": 2} if policy == "group" else {}))
    event = await offered(world, driver, world.job(at, service_type))
    assert [one.offer_id for one in await held(world, driver)] == [event.offer_id]
    past = datetime.now(UTC) - timedelta(minutes=1)
    await changed(world, ending, past=past, search=event.search_id)
    assert await held(world, driver) == []


@pytest.mark.parametrize(
    "away", ["online = false", "approved = false", "active_job = gen_random_uuid(), active_customer = 'ann'"]
)
async def test_who_is_offline_suspended_or_busy_holds_nothing_though_it_is_not_withdrawn_yet(world, away):
    """C7, B6"""
    at = world.place()
    driver = await world.driver(at)
    await offered(world, driver, world.job(at, await patient(world)))
    assert len(await held(world, driver)) == 1
    await changed(world, f"UPDATE driver SET {away} WHERE id = :id", id=driver)
    assert await held(world, driver) == []


async def test_going_online_or_offline_is_not_answered_with_offers(world):
    """C2, C7: whoever says so has its socket, and was told of each."""
    at = world.place()
    driver = await world.driver(at)
    await offered(world, driver, world.job(at, await patient(world)))
    assert (await request(world.nc, GoOnline(driver_id=driver))).offers == []
    assert len(await held(world, driver)) == 1
    assert (await request(world.nc, GoOffline(driver_id=driver))).offers == []


async def shared_with(world, event, jobs):
    """These jobs before the driver as well, kept like that of `event`; the newest last."""
    async with AsyncSession(world.engine) as session, session.begin():
        search = (await session.get_one(SearchRow, event.search_id)).model_dump()
        offer = (await session.get_one(OfferRow, event.offer_id)).model_dump()
        ids = sorted(new_id() for _ in jobs)
        for its_id, job in zip(ids, jobs, strict=True):
            kept = {"id": its_id, "job_id": job.id, "job": job.model_dump(mode="json")}
            session.add(SearchRow(**(search | kept)))
        await session.flush()
        for its_id in ids:
            session.add(OfferRow(**(offer | {"id": its_id, "search_id": its_id})))


async def test_of_many_shared_offers_the_newest_are_told_as_far_as_an_answer_holds_them(world):
    """C7: 50 in all, or fewer if they are large; and the one to the driver alone in any case."""
    at = world.place()
    driver = await world.driver(at)
    event = await offered(
        world, driver, world.job(at, await world.rules("to-all", "broadcast", search_seconds=None))
    )
    wished = world.job(at, await patient(world, "direct"), requested_driver_id=driver, notes="n" * 2_000)
    alone = await offered(world, driver, wished)
    small = [world.job(at) for _ in range(60)]
    await shared_with(world, event, small)
    told = [one.job.id for one in await held(world, driver)]
    assert told == [alone.job_id, *(job.id for job in reversed(small[-49:]))]

    large = [world.job(at, items={"text": "x" * 60_000}) for _ in range(45)]
    await shared_with(world, event, large)
    told = [one.job.id for one in await held(world, driver)]
    fitting = [job.id for job in reversed(large[-4:])]
    assert told == [alone.job_id, *fitting, *(job.id for job in reversed(small[-4:]))]
