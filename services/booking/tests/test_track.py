"""Where the driver of a job was: kept once, shown to those whom the job concerns."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from booking import tracking
from booking.settings import Settings
from contracts.events import JobTracked
from contracts.streams import BOOKING_TRACKING
from contracts.subjects import dead_letter, recorded_track
from wire.sql import open_database

from .people import KEY, PATIENCE_S, Person, Service, answered, refused

BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def at(job: dict[str, Any], driver: str, second: float, **changes: Any) -> JobTracked:
    """The position at this time of the drive."""
    where = {"lat": 40 + second / 1000, "lng": -74.0, "heading": 90.0, "speed": None}
    who = {"job_id": job["id"], "driver_id": driver, "recorded_at": BEGIN + timedelta(seconds=second)}
    return JobTracked.model_validate(who | where | changes)


async def records(booking: Service, *positions: JobTracked) -> None:
    """As the edge does it."""
    for one in positions:
        await booking.nc.jetstream().publish(recorded_track(one.job_id), one.model_dump_json().encode())


async def track(person: Person, job: dict[str, Any], **params: Any) -> dict[str, Any]:
    return answered(await person.asks("GET", f"/{job['id']}/track", params=params), 200)


async def until(person: Person, job: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The track once it is so long: that it was stored is told to nobody."""
    async with asyncio.timeout(PATIENCE_S):
        while len((page := await track(person, job, limit=1000))["items"]) < count:
            await asyncio.sleep(0.05)
    items: list[dict[str, Any]] = page["items"]
    return items


@pytest.fixture
async def job(booking: Service, customer: Person, driver: Person) -> dict[str, Any]:
    """The driver has it."""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    return job


async def test_positions_of_the_driver_are_kept_and_read_oldest_first(
    booking: Service, customer: Person, driver: Person, job: dict[str, Any]
) -> None:
    """C3, C11"""
    await records(booking, *(at(job, driver.sub, second) for second in (20, 0, 10)))
    items = await until(customer, job, 3)
    expected = [at(job, driver.sub, second) for second in (0, 10, 20)]
    fields = {"lat", "lng", "heading", "speed", "recorded_at"}
    assert items == [one.model_dump(mode="json", include=fields) for one in expected]


async def test_position_delivered_twice_is_kept_once(
    booking: Service, customer: Person, driver: Person, job: dict[str, Any]
) -> None:
    """C11, DESIGN invariant 5: in the same batch, and in a later one."""
    first, last = at(job, driver.sub, 1), at(job, driver.sub, 2)
    await records(booking, first, first)
    await until(customer, job, 1)
    await records(booking, first, last)
    items = await until(customer, job, 2)
    assert [item["lat"] for item in items] == [first.lat, last.lat]
    await all_acknowledged(booking)


async def all_acknowledged(booking: Service) -> None:
    """Nothing comes again: told by nobody but the server."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            info = await booking.nc.jetstream().consumer_info("TRACKING", BOOKING_TRACKING.durable)
            if not info.num_pending and not info.num_ack_pending:
                return
            await asyncio.sleep(0.05)


async def test_track_is_paged_by_time(
    booking: Service, customer: Person, driver: Person, job: dict[str, Any]
) -> None:
    """C11: every position once, and the end is known."""
    other = await customer.ordered()
    await booking.assigns(other, driver.sub)
    await records(booking, *(at(one, driver.sub, number / 7) for one in (job, other) for number in range(5)))
    whole = await until(customer, job, 5)
    page = await track(customer, job, limit=2)
    seen = page["items"]
    while page["next"]:
        page = await track(customer, job, limit=2, after=page["next"])
        seen += page["items"]
    assert seen == whole
    assert len(page["items"]) == 1
    assert await track(customer, job, after=whole[-1]["recorded_at"]) == {"items": [], "next": None}


async def test_track_is_for_the_customer_the_driver_and_admins(
    booking: Service, customer: Person, driver: Person, admin: Person, job: dict[str, Any]
) -> None:
    """C11, C6: for others there is no such booking."""
    await records(booking, at(job, driver.sub, 0))
    await until(customer, job, 1)
    for person in (driver, admin):
        assert len((await track(person, job))["items"]) == 1
    for stranger in (booking.person("user"), booking.person("pilot"), booking.person("pilot", customer.sub)):
        refused(await stranger.asks("GET", f"/{job['id']}/track"), 404, "not_found")
    refused(await customer.asks("GET", f"/{uuid4()}/track"), 404, "not_found")


async def test_a_job_that_nobody_drove_has_an_empty_track(customer: Person) -> None:
    """C11"""
    assert await track(customer, await customer.ordered()) == {"items": [], "next": None}


@pytest.mark.parametrize(
    "params",
    [
        {"after": "noon"},
        {"after": "2026-11-20T12:00:00"},
        {"after": "9999-12-31T23:59:59-14:00"},
        {"after": "0001-01-01T00:00:00+14:00"},
        {"after": ""},
        {"limit": 0},
        {"limit": 1001},
        {"limit": "many"},
    ],
)
async def test_what_is_no_page_of_a_track_is_refused(
    customer: Person, job: dict[str, Any], params: dict[str, Any]
) -> None:
    """C11"""
    refused(await customer.asks("GET", f"/{job['id']}/track", params=params), 422, "invalid")


@pytest.fixture
async def dead(booking: Service) -> AsyncIterator[asyncio.Queue[dict[str, str]]]:
    """Headers of the dead letters, as they come."""
    letters: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def hear(message: Any) -> None:
        letters.put_nowait(message.headers)

    subscription = await booking.nc.subscribe(dead_letter(BOOKING_TRACKING.durable), cb=hear)
    await booking.nc.flush()
    yield letters
    await subscription.unsubscribe()


async def test_what_is_no_position_of_the_jobs_driver_becomes_a_dead_letter(
    booking: Service, customer: Person, driver: Person, job: dict[str, Any], dead: asyncio.Queue[Any]
) -> None:
    """C11: with the reason, and without holding up those around it."""
    off = await customer.ordered()
    await customer.cancels(off)
    nowhere, late = {"id": str(uuid4())}, timedelta(days=1)
    bad: dict[str, bytes] = {
        "no such job": at(nowhere, driver.sub, 0).model_dump_json().encode(),
        "not by the job's driver": at(job, "another", 0).model_dump_json().encode(),
        "not a position": b"{",
        "a position of job": at(nowhere, driver.sub, 0).model_dump_json().encode(),
        "recorded at": at(job, driver.sub, 0, recorded_at=BEGIN + late).model_dump_json().encode(),
        "heading and speed": at(job, driver.sub, 0).model_dump_json().replace("90.0", "NaN").encode(),
    }
    await records(booking, at(job, driver.sub, 1), at(off, driver.sub, 0))
    for reason, body in bad.items():
        about = nowhere if reason == "no such job" else job
        await booking.nc.jetstream().publish(recorded_track(UUID(about["id"])), body)
    await records(booking, at(job, driver.sub, 2))
    async with asyncio.timeout(PATIENCE_S):
        reasons = [(await dead.get())["Dead-Reason"] for _ in range(len(bad) + 1)]
    for reason in bad:
        expected = 2 if reason == "not by the job's driver" else 1  # the cancelled one, which had no driver
        assert [told.startswith(reason) for told in reasons].count(True) == expected
    assert len(await until(customer, job, 2)) == 2


async def test_position_that_overtakes_the_news_of_the_assignment_is_kept(
    booking: Service, customer: Person, driver: Person
) -> None:
    """C11: the driver's edge knows of the acceptance before booking does."""
    job = await customer.ordered()
    again = asyncio.Event()

    async def hear(message: Any) -> None:
        again.set()

    naks = await booking.nc.subscribe("$JS.ACK.TRACKING.booking-tracking.2.>", cb=hear)
    await booking.nc.flush()
    await records(booking, at(job, driver.sub, 0))
    async with asyncio.timeout(PATIENCE_S):
        await again.wait()
    await booking.assigns(job, driver.sub)
    assert len(await until(customer, job, 1)) == 1
    await naks.unsubscribe()


async def test_positions_are_forgotten_in_time(
    booking: Service, customer: Person, driver: Person, job: dict[str, Any]
) -> None:
    """C11: after `track_days`, and no earlier."""
    await records(booking, *(at(job, driver.sub, second) for second in (0, 10, 20)))
    await until(customer, job, 3)
    settings = Settings(jwt_key=KEY, database_url=booking.database_url)
    async with open_database(settings, lambda _: None) as database:
        assert await tracking.forget_some(database, BEGIN + timedelta(seconds=20)) >= 2
    assert [item["lat"] for item in (await track(customer, job))["items"]] == [at(job, "", 20).lat]
    reader = await asyncpg.connect(booking.database_url.replace("+asyncpg", ""))
    assert await reader.fetchval("SELECT count(*) FROM track WHERE recorded_at < $1", BEGIN) == 0
    await reader.close()
