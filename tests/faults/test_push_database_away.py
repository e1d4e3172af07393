"""Push's database alone is away: screens that are open hear all, phones hear of it later."""

from uuid import uuid4

import pytest
from tests.e2e.phone import phone
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
    registers,
    unavailable,
)

HERE = {"lat": 10.0, "lng": 20.0}
THERE = {"lat": 20.0, "lng": 40.0}
NEW_JOB, ASSIGNED = "New Job Nearby", "Driver Assigned"
pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("trouble", [away, read_only], ids=["away", "read-only"])
async def test_screens_hear_all_at_once_and_phones_when_it_is_back(house, trouble):
    """A1, A2, A4, A6, A11, C10, DESIGN invariant 6: nobody waits, no push is lost or doubled."""
    town = HERE if trouble is away else THERE
    async with driver(house, town) as dan, customer(house) as ann:
        his, hers, another = await reached(dan), await reached(ann), uuid4().hex * 2
        async with trouble(house, "push"):
            assert await not_ready(house) == {"push": {"database"}}
            assert unavailable(await registers(ann, another))
            job = await ordered(ann, "haul", town)
            await dan.hears("job:new", id=job["id"])
            assert (await dan.call("offer:accept", {"bookingId": job["id"]}))["ok"]
            await ann.hears("booking:status", status="accepted")
            if trouble is away:
                assert unavailable(await ann.http.get("/v1/notifications"))
            else:
                assert answered(await ann.http.get("/v1/notifications"))["items"] == []
            assert dan.heard("notification") == ann.heard("notification") == []
            assert await pushes(house, his) == await pushes(house, hers) == []
        await ready_again(house)
        await ann.hears("notification", title=ASSIGNED)
        await dan.hears("notification", title=NEW_JOB)
        assert await pushes(house, hers, at_least=1) == [ASSIGNED]
        listed = answered(await ann.http.get("/v1/notifications"))["items"]
        assert [one["title"] for one in listed] == [ASSIGNED]
        answered(await registers(ann, another), 201)


async def test_an_offer_that_is_over_by_then_is_recorded_and_not_pushed(house):
    """A4, B4: it would ring for nothing."""
    rules = {"steps": [{"policy": "cascade", "offer_seconds": 1}]}
    place = {"lat": 30.0, "lng": 60.0}
    async with (
        phone(house, "root", "admin") as admin,
        driver(house, place) as eve,
        customer(house) as bob,
    ):
        token = await reached(eve)
        answered(await admin.http.put("/v1/service-types/momentary", json=rules))
        async with away(house, "push"):
            job = await ordered(bob, "momentary", place)
            await eve.hears("booking:offer", bookingId=job["id"])
            await bob.hears("booking:no_pilots", bookingId=job["id"])
        told = await eve.hears("notification")
        assert told["data"]["job_id"] == job["id"]
        await ordered(bob, "haul", place)
        assert await pushes(house, token, at_least=1) == [NEW_JOB]
