"""One winner, whatever the timing. The interleavings are forced: everybody waits at the same lock."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from contracts.events import AssignmentCreated, AssignmentReleased, OfferCreated, SearchFailed, SearchStarted
from contracts.ids import new_id


@asynccontextmanager
async def held(world, statement, **values):
    """Hold a row's lock; on leaving, let go all at once."""
    async with world.engine.connect() as connection:
        await connection.execute(text(statement), values)
        yield
        await connection.rollback()


async def waiting(world, many, racing):
    """Until so many sessions of this database wait for a lock: only then is the race a race. None of `racing`
    may end before."""
    async with asyncio.timeout(20), world.engine.connect() as connection:
        while True:
            found = await connection.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
                )
            )
            if found.scalar_one() >= many:
                return
            early = [one.result() for one in racing if one.done()]
            assert early == []
            await connection.rollback()
            await asyncio.sleep(0.02)


async def test_of_a_hundred_simultaneous_accepts_one_gets_200_and_ninety_nine_get_409(world):
    """A5, E1: one success, every other `Job already accepted by another driver`."""
    at = world.place()
    drivers = [await world.driver(at) for _ in range(100)]
    job = world.job(at, "haul")
    await world.created(job)
    await asyncio.gather(
        *(world.hears(OfferCreated, job.id, lambda one, d=driver: one.driver_id == d) for driver in drivers)
    )

    async with held(world, "SELECT 1 FROM search WHERE job_id = :job FOR UPDATE", job=job.id):
        racing = [asyncio.create_task(world.accept(driver, job.id)) for driver in drivers]
        await waiting(world, 100, racing)
    answers = await asyncio.gather(*racing)

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 99
    refusals = [answer.json() for answer in answers if answer.status_code == 409]
    assert {(one["code"], one["detail"]) for one in refusals} == {
        ("already_accepted", "Job already accepted by another driver")
    }
    winner = drivers[[answer.status_code for answer in answers].index(200)]
    async with world.engine.connect() as connection:
        holders = await connection.execute(
            text("SELECT id FROM driver WHERE active_job = :job"), {"job": job.id}
        )
        assert [row.id for row in holders] == [winner]
    assert (await world.hears(AssignmentCreated, job.id)).driver_id == winner
    assert len(world.told(AssignmentCreated, job.id)) == 1
    again = await world.accept(winner, job.id)
    assert again.status_code == 200, "who has won is told so again"


@pytest.mark.parametrize("jobs", [2, 8])
async def test_a_driver_who_accepts_several_jobs_at_once_gets_one(world, jobs):
    """DESIGN invariant 2, E1: at most one active job a driver."""
    at = world.place()
    driver = await world.driver(at)
    orders = [world.job(at, "haul") for _ in range(jobs)]
    for job in orders:
        await world.created(job)
    for job in orders:
        await world.hears(OfferCreated, job.id)

    async with held(world, "SELECT 1 FROM driver WHERE id = :driver FOR UPDATE", driver=driver):
        racing = [asyncio.create_task(world.accept(driver, job.id)) for job in orders]
        await waiting(world, jobs, racing)
    answers = await asyncio.gather(*racing)

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * (jobs - 1)
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"driver_busy"}


async def test_a_cancel_that_crosses_an_accept_leaves_the_driver_free_either_way(world):
    """B11, DESIGN invariant 6: whichever is first, both agree once quiet."""
    at = world.place()
    driver = await world.driver(at)
    job = world.job(at, "haul")
    await world.created(job)
    await world.hears(OfferCreated, job.id)

    async with held(world, "SELECT 1 FROM search WHERE job_id = :job FOR UPDATE", job=job.id):
        accepting = asyncio.create_task(world.accept(driver, job.id))
        await waiting(world, 1, [accepting])
        await world.cancelled(job)
        await waiting(world, 2, [accepting])
    answer = await accepting
    # The accept came first to the lock: it wins, and the cancel that follows releases the driver.
    assert answer.status_code == 200
    await world.hears(AssignmentReleased, job.id)
    assert (await world.state(driver))["state"] == "available"
    late = await world.accept(driver, job.id)
    assert (late.status_code, late.json()["code"]) == (409, "job_gone")


async def test_two_searches_never_hold_the_same_driver_exclusively(world):
    """B6, DESIGN invariant 3: forced by holding the only driver while both searches want it."""
    at = world.place()
    driver = await world.driver(at)
    first, second = world.job(at), world.job(at)
    async with held(world, "SELECT 1 FROM driver WHERE id = :driver FOR UPDATE", driver=driver):
        await world.created(first)
        await world.created(second)
        await world.hears(SearchStarted, first.id)
        await world.hears(SearchStarted, second.id)
        assert not world.told(OfferCreated, first.id)
    # The sweep goes on with both as soon as the driver is free; one gets it, the other finds nobody.
    await world.until(lambda: any(world.told(OfferCreated, one.id) for one in (first, second)))
    await world.until(lambda: any(world.told(SearchFailed, one.id) for one in (first, second)))
    async with world.engine.connect() as connection:
        live = await connection.execute(
            text(
                "SELECT count(*) FROM offer o JOIN search s ON s.id = o.search_id"
                " WHERE o.state = 'pending' AND s.job_id IN (:a, :b)"
            ),
            {"a": first.id, "b": second.id},
        )
        assert live.scalar_one() == 1


async def test_a_driver_that_is_registered_twice_at_once_is_a_conflict_the_second_time(world):
    """Bad input: 409, not 500; the other registration is uncommitted while this one arrives."""
    body = {"id": f"twin-{new_id()}", "name": "Ada"}
    async with world.engine.connect() as connection:
        await connection.execute(
            text(
                "INSERT INTO driver"
                " (id, name, is_operator, approved, online, completed_jobs, offers_taken, offers_lost,"
                " version, created_at)"
                " VALUES (:id, :name, false, false, false, 0, 0, 0, 1, now())"
            ),
            body,
        )
        admin = world.auth("root", "admin")
        second = asyncio.create_task(world.http.post("/v1/drivers", json=body, headers=admin))
        await waiting(world, 1, [second])
        await connection.commit()
    answer = await second
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
