"""docs/operations/restore.md: booking's database goes back to an earlier point, by what is in the images.

The page's commands for the cluster are run by tests/documents/test_restore.py.
"""

import asyncio

import httpx
import pytest
from docker.models.containers import Container
from tests.alone import PATIENCE_S
from tests.documents.written import commands
from tests.e2e.phone import phone

from contracts.access import RECOVERY

from .containers import end
from .fleet import NUMBERS, Fleet
from .jobs import a_job, order

pytestmark = pytest.mark.timeout(PATIENCE_S)

DATABASE = "postgresql://booking:booking@127.0.0.1/booking"
BLOCKS = [
    block for part in ("backup", "restore") for block in commands(f"tests/documents/test_restore.py::{part}")
]


def run(postgres: Container, program: str) -> None:
    """The page's block that begins so, beside the server."""
    (script,) = [block for block in BLOCKS if block.startswith(program)]
    env = {"BOOKING_DATABASE_URL": DATABASE}
    status, output = postgres.exec_run(["sh", "-c", script], environment=env, workdir="/tmp")
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
        await asyncio.to_thread(run, postgres, "pg_dump")
        later = await order(ann)
        await a_job(house)
        cancelled = await ann.http.post(f"/v1/bookings/{waiting}/cancel", json={})
        assert cancelled.status_code == 200, cancelled.text
        before = await bookings(house)

    assert await asyncio.to_thread(end, old) == 0
    await asyncio.to_thread(run, postgres, "psql")
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
