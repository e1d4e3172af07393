"""docs/operations/restore.md, as it is written: booking's database goes back to an earlier point."""

import asyncio

import httpx
from docker.models.containers import Container
from tests.e2e.phone import phone

from contracts.access import RECOVERY

from .containers import end
from .fleet import NUMBERS, Fleet
from .jobs import a_job, order

DATABASE = "postgresql://booking:booking@127.0.0.1/booking"
DUMP = "/tmp/booking.dump"


def run(postgres: Container, *command: str) -> None:
    status, output = postgres.exec_run(list(command))
    assert status == 0, output.decode()


async def bookings(house: Fleet) -> dict[str, str]:
    """Status of every booking, by its id."""
    headers = {"Authorization": f"Bearer {house.token('root', 'admin')}"}
    async with httpx.AsyncClient(base_url=house.url, headers=headers, timeout=60) as http:
        answer = await http.get("/v1/bookings", params={"limit": 100})
    assert answer.status_code == 200, answer.text
    return {one["id"]: one["status"] for one in answer.json()["items"]}


async def test_booking_s_database_is_restored_and_catches_up(house: Fleet) -> None:
    """B13, DESIGN invariants 1 and 6"""
    postgres, old = house.running["postgres"], house.running["booking-0"]
    async with phone(house, "ann", "user") as ann:
        waiting = await order(ann)
        await a_job(house)
        await asyncio.to_thread(run, postgres, "pg_dump", "--format=custom", f"--file={DUMP}", DATABASE)
        later = await order(ann)
        await a_job(house)
        cancelled = await ann.http.post(f"/v1/bookings/{waiting}/cancel", json={})
        assert cancelled.status_code == 200, cancelled.text
        before = await bookings(house)

    assert await asyncio.to_thread(end, old) == 0
    restore = ("pg_restore", "--clean", "--if-exists", "--no-owner", f"--dbname={DATABASE}", DUMP)
    await asyncio.to_thread(run, postgres, *restore)
    said = await asyncio.to_thread(
        house.containers.finishes,
        old.attrs["Config"]["Image"],
        [(house.bus, NUMBERS["booking"] + 6), (house.data, NUMBERS["booking"] + 6)],
        name="replay",
        command=["python", "-m", "booking.replay"],
        env=house.bus_env(RECOVERY) | house.database_env("booking"),
    )
    assert "3 jobs were behind" in said
    await asyncio.to_thread(old.start)
    async with asyncio.timeout(60):
        await house.ready("booking")
    assert await bookings(house) == before
    assert before[later] != "cancelled"
    await a_job(house)
