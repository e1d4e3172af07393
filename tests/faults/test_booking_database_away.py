"""Booking's database alone is away: nothing can be ordered, and dispatch under way goes on."""

from uuid import uuid4

import pytest
from tests.faults.one_database import (
    answered,
    away,
    customer,
    driver,
    not_ready,
    ordered,
    pushes,
    reached,
    read_only,
    ready_again,
    unavailable,
)

HERE = {"lat": -10.0, "lng": 20.0}
THERE = {"lat": -20.0, "lng": 40.0}
pytestmark = pytest.mark.timeout(180)


async def test_a_job_that_is_being_dispatched_goes_on_and_booking_hears_of_it_later(house):
    """B7, B13, C3, C8, C12, DESIGN invariants 1 and 6."""
    async with driver(house, HERE) as dan, customer(house) as ann:
        token = await reached(ann)
        job = {"bookingId": (await ordered(ann, "courier", HERE))["id"]}
        await dan.hears("booking:offer", **job)
        assert (await ann.call("booking:subscribe", job))["ok"]
        async with away(house, "booking"):
            assert await not_ready(house) == {"booking": {"database"}}
            assert (await dan.call("offer:accept", job))["ok"]
            await ann.hears("booking:driver_assigned", **job)
            await pushes(house, token, at_least=1)
            assert await dan.call("pilot:location", HERE) == {"ok": True}
            await ann.hears("location:update")
            assert unavailable(await dan.call("booking:update_status", job | {"status": "en_route"}))
            assert ann.heard("booking:status") == []
        await ann.hears("booking:status", status="accepted")
        for status in ("en_route", "arrived", "in_progress", "completed"):
            assert (await dan.call("booking:update_status", job | {"status": status}))["ok"]
            await ann.hears("booking:status", status=status)
        assert len(ann.heard("booking:status")) == len(ann.heard("booking:driver_assigned")) + 4 == 5


async def test_whoever_orders_cancels_or_looks_is_told_to_try_again(house):
    """A11, C6, C11: 503, never 500; after it the same key orders once."""
    async with customer(house) as bob:
        job = await ordered(bob, "courier", HERE)
        path, key = f"/v1/bookings/{job['id']}", {"Idempotency-Key": str(uuid4())}
        order = {"service_type": "courier", "pickup": {"address": "1 Main St", **HERE}, "total_price": 9}
        async with away(house, "booking"):
            assert unavailable(await bob.http.post("/v1/bookings", json=order, headers=key))
            for view in ("/v1/bookings", path, f"{path}/track", f"{path}/search"):
                assert unavailable(await bob.http.get(view)), view
            assert unavailable(await bob.http.post(f"{path}/cancel"))
            assert unavailable(await bob.call("booking:subscribe", {"bookingId": job["id"]}))
        again = [
            answered(await bob.http.post("/v1/bookings", json=order, headers=key), 201) for _ in range(2)
        ]
        assert again[0]["id"] == again[1]["id"]
        listed = answered(await bob.http.get("/v1/bookings"))["items"]
        assert {one["id"] for one in listed} == {job["id"], again[0]["id"]}


async def test_a_read_only_database_is_looked_at_and_takes_no_order_until_it_is_writable(house):
    """A11: as after a failover; nothing has to be restarted."""
    async with driver(house, THERE) as eve, customer(house) as cat:
        before = await ordered(cat, "courier", THERE)
        await eve.hears("booking:offer", bookingId=before["id"])
        order = {"service_type": "courier", "pickup": {"address": "1 Main St", **THERE}, "total_price": 9}
        async with read_only(house, "booking"):
            assert await not_ready(house) == {"booking": {"database"}}
            assert unavailable(await cat.http.post("/v1/bookings", json=order))
            assert answered(await cat.http.get(f"/v1/bookings/{before['id']}"))["status"] == "pending"
            assert (await eve.call("offer:accept", {"bookingId": before["id"]}))["ok"]
        await ready_again(house)
        await cat.hears("booking:status", status="accepted")
        assert (await ordered(cat, "courier", THERE))["number"] > before["number"]
