"""The whole house from its images: it does its work, and lives through what happens to containers."""

import asyncio
from uuid import uuid4

import pytest
from tests.alone import PATIENCE_S
from tests.e2e.phone import approved, phone

from .containers import join, kill
from .fleet import NUMBERS, SERVICES, Fleet
from .jobs import HERE, a_job, order

pytestmark = pytest.mark.timeout(PATIENCE_S)


async def test_a_job_is_done_from_order_to_completion(house: Fleet) -> None:
    """B1, B2, B7, A2, C12"""
    await a_job(house)


async def test_every_container_may_do_only_what_the_manifests_allow(house: Fleet) -> None:
    for service in SERVICES:
        container = house.running[f"{service}-0"]
        container.reload()
        host = container.attrs["HostConfig"]
        assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False)
        assert container.exec_run(["python", "-c", "open('/x', 'w')"]).exit_code == 1
        assert container.exec_run(["python", "-c", "import os; print(os.getuid())"]).output == b"10001\n"


async def test_a_killed_container_of_each_service_is_started_again_and_the_work_goes_on(house: Fleet) -> None:
    """B13"""
    for service in SERVICES:
        await asyncio.to_thread(kill, house.running[f"{service}-0"])
        async with asyncio.timeout(60):
            await house.ready(service)
        await a_job(house)


async def test_what_was_ordered_while_the_network_was_cut_is_done_when_it_is_whole(house: Fleet) -> None:
    """B13: matching is cut off from the bus, and a booking is taken all the same (invariants 1 and 4)."""
    driver_id = f"d-{uuid4()}"
    await approved(house, driver_id)
    matching = house.running["matching-0"]
    async with phone(house, driver_id, "pilot") as driver, phone(house, f"c-{uuid4()}", "user") as customer:
        assert (await driver.call("pilot:online"))["ok"]
        assert (await driver.call("pilot:location", HERE))["ok"]
        await asyncio.to_thread(house.bus.network.disconnect, matching)
        booking = await order(customer)
        await customer.hears("booking:created", bookingId=booking)
        await asyncio.to_thread(join, matching, house.bus, NUMBERS["matching"], "matching")
        await driver.hears("booking:offer", bookingId=booking)
        assert (await driver.call("offer:accept", {"bookingId": booking}))["ok"]
        await customer.hears("booking:driver_assigned", bookingId=booking)
        assert (await customer.http.post(f"/v1/bookings/{booking}/cancel", json={})).status_code == 200
