"""docs/operations/restore.md, from its first line to its last: real booking, PostgreSQL and nats-server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from contracts.access import RECOVERY
from stack.house import House

from .conftest import Desk, desk
from .orders import customer, order
from .pods import run_here
from .written import commands


class Booking:
    """The process behind the Deployment `booking`, and its image's other programs."""

    def __init__(self, house: House) -> None:
        self.house, self.runs = house, True
        self.programs: list[str] = []
        """Those that were run, in their order."""

    async def run(self, pod: Any, env: Mapping[str, str]) -> tuple[int, str]:
        """See `Processes`. The other Jobs of overlays/prod are not this test's, and end well."""
        program = pod["spec"]["containers"][0]["command"][-1]
        if program not in ("booking.replay", "booking.migrate"):
            return 0, ""
        self.programs.append(program)
        return await run_here(pod, env, self.house.nats_url)

    async def scale(self, name: str, replicas: int) -> None:
        """See `Processes`."""
        if name == "booking" and self.runs != bool(replicas):
            await (self.house.start(name) if replicas else self.house.stop(name))
            self.runs = bool(replicas)


async def upgraded(house: House) -> None:
    """Booking's schema as a later version's migration leaves it: with a table that hangs on an old one."""
    connection = await asyncpg.connect(house.database_url("booking").replace("+asyncpg", ""))
    try:
        await connection.execute("CREATE TABLE younger (job_id uuid REFERENCES booking (id))")
    finally:
        await connection.close()


async def statuses(http: httpx.AsyncClient) -> dict[str, str]:
    answer = await http.get("/v1/bookings", params={"limit": 100})
    return {one["id"]: one["status"] for one in answer.json()["items"]}


async def installed(at: Desk, house: House, database: str) -> None:
    """What the page takes for granted."""
    seed = house.plan.bus.seeds[RECOVERY]
    await at.run(
        f"""
        kubectl apply -k deploy/k8s/overlays/prod
        kubectl create secret generic recovery-nats -n waggle --from-literal=seed={seed}
        kubectl create secret generic booking-database -n waggle --from-literal=url='{database}'
        """
    )


@pytest.mark.timeout(180)
async def test_booking_is_restored_and_catches_up_by_the_commands_of_the_page(
    small_house: House, tmp_path: Path
) -> None:
    """B13, DESIGN invariants 1 and 6"""
    booking, database = Booking(small_house), small_house.database_url("booking")
    theirs = {"BOOKING_DATABASE_URL": database.replace("+asyncpg", "")}
    binaries = (small_house.plan.cluster.binaries,)
    async with desk(tmp_path, booking) as operator, customer(small_house, "ann") as ann:
        await installed(operator, small_house, database)
        first = await order(ann)
        for block in commands("tests/documents/test_restore.py::backup"):
            await operator.run(block, binaries, **theirs)
        await upgraded(small_house)
        await order(ann)
        assert (await ann.post(f"/v1/bookings/{first}/cancel", json={})).status_code == 200
        before = await statuses(ann)

        stop, *others = commands("tests/documents/test_restore.py::restore")
        await operator.run(stop, binaries, **theirs)
        assert not booking.runs, "its last pod was not waited for"
        booking.programs.clear()
        said = [await operator.run(block, binaries, **theirs) for block in others]
        await small_house.ready("booking")
        assert await statuses(ann) == before
    assert booking.programs == ["booking.migrate", "booking.replay"]
    assert "2 jobs were behind, 0 decisions" in "".join(said)
    assert sorted(before.values()) == ["cancelled", "pending"]
