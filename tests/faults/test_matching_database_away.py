"""Matching's database alone is away: what is under way goes on, and what waits is found later."""

import asyncio
from datetime import UTC, datetime

import pytest
from tests.e2e.phone import phone
from tests.faults.one_database import (
    LEASE_S,
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

SEARCH_S = 8
TAKEN = "Job already accepted by another driver"
pytestmark = pytest.mark.timeout(180)


def place(number):
    """A town of its own for each test and each of its jobs."""
    return {"lat": -60.0 + number, "lng": 20.0 + number}


async def test_jobs_under_way_go_on(house):
    """C3, C8, C11, C12: sockets, positions, tracks, a driver's steps and their pushes."""
    async with driver(house, place(0)) as dan, customer(house) as ann:
        token = await reached(ann)
        job = {"bookingId": (await ordered(ann, "courier", place(0)))["id"]}
        await dan.hears("booking:offer", **job)
        assert (await dan.call("offer:accept", job))["ok"]
        await ann.hears("booking:status", status="accepted")
        assert (await ann.call("booking:subscribe", job))["ok"]
        told = len(await pushes(house, token, at_least=1))
        async with away(house, "matching"):
            assert await not_ready(house) == {"matching": {"database"}}
            assert await dan.call("pilot:location", place(0)) == {"ok": True}
            await ann.hears("location:update")
            await tracked(ann, job)
            assert (await dan.call("booking:update_status", job | {"status": "en_route"}))["ok"]
            await ann.hears("booking:status", status="en_route")
            await pushes(house, token, at_least=told + 1)
            assert await not_ready(house) == {"matching": {"database"}}
        for status in ("arrived", "in_progress", "completed"):
            assert (await dan.call("booking:update_status", job | {"status": status}))["ok"]


async def tracked(app, job):
    async with asyncio.timeout(60):
        while not answered(await app.http.get(f"/v1/bookings/{job['bookingId']}/track"))["items"]:
            await asyncio.sleep(0.05)


async def test_a_job_ordered_meanwhile_finds_its_driver_once_it_is_back(house):
    """B1, B13, DESIGN invariant 1: after the leases of the replicas have ended."""
    async with driver(house, place(1)) as eve, customer(house) as bob:
        async with away(house, "matching"):
            job = {"bookingId": (await ordered(bob, "courier", place(1)))["id"]}
            await bob.hears("booking:created", **job)
            await asyncio.sleep(LEASE_S)
            assert bob.heard("booking:search_started") == []
        await eve.hears("booking:offer", **job)
        assert (await eve.call("offer:accept", job))["ok"]
        await bob.hears("booking:status", status="accepted")
        assert len(eve.heard("booking:offer")) == len(bob.heard("booking:search_started")) == 1


@pytest.mark.parametrize("trouble", [away, read_only], ids=["away", "read-only"])
async def test_whoever_accepts_declines_or_goes_online_is_told_to_try_again_and_one_wins_then(house, trouble):
    """A5, A11, E1: 503 by HTTP, `unavailable` on the socket, and nothing of it has happened."""
    town = place(2 if trouble is away else 3)
    async with (
        driver(house, town) as fay,
        driver(house, town) as gus,
        driver(house, place(10)) as hal,
        customer(house) as cat,
    ):
        assert (await hal.call("pilot:offline"))["ok"]
        job = {"bookingId": (await ordered(cat, "haul", town))["id"]}
        for one in (fay, gus):
            await one.hears("job:new", id=job["bookingId"])
        async with trouble(house, "matching"):
            assert await not_ready(house) == {"matching": {"database"}}
            for event, payload in (("offer:accept", job), ("offer:decline", job), ("pilot:offline", {})):
                assert unavailable(await fay.call(event, payload)), event
            assert unavailable(await hal.call("pilot:online", town))
            path = f"/v1/jobs/{job['bookingId']}"
            assert unavailable(await gus.http.post(f"{path}/accept"))
            assert unavailable(await gus.http.post(f"{path}/decline"))
            assert unavailable(await hal.http.post("/v1/drivers/me/online", json=town))
        await ready_again(house)
        acks = await asyncio.gather(*(one.call("offer:accept", job) for one in (fay, gus)))
        assert sorted(ack["ok"] for ack in acks) == [False, True]
        [lost] = [ack for ack in acks if not ack["ok"]]
        assert lost["error"]["message"] == TAKEN
        await cat.hears("booking:status", status="accepted")


async def test_a_search_whose_time_passes_meanwhile_ends_as_timed_out(house):
    """B9, B13, DESIGN invariant 4: so the customer may retry."""
    rules = {"steps": [{"policy": "cascade"}], "search_seconds": SEARCH_S}
    async with (
        phone(house, "root", "admin") as admin,
        driver(house, place(4)) as ian,
        customer(house) as dot,
    ):
        answered(await admin.http.put("/v1/service-types/hasty", json=rules))
        job = {"bookingId": (await ordered(dot, "hasty", place(4)))["id"]}
        await ian.hears("booking:offer", **job)
        begun = datetime.now(UTC)
        async with away(house, "matching"):
            await asyncio.sleep(SEARCH_S - (datetime.now(UTC) - begun).total_seconds())
            assert dot.heard("booking:search_timeout") == []
        assert (await dot.hears("booking:search_timeout", **job))["canRetry"]
        answered(await dot.http.post(f"/v1/bookings/{job['bookingId']}/retry"))
        await ian.finds("booking:offer", lambda _: len(ian.heard("booking:offer")) == 2)
        assert len(dot.heard("booking:search_timeout")) == 1
