"""Who was told of a job and who was not, through the whole house: from the order to the admins' view."""

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import pytest
from tests.e2e.phone import approved

from stack.running import running

PATIENCE_S = 60
HERE = {"lat": -33.87, "lng": 151.21}
HAUL = {
    "service_type": "haul",
    "address": "1 Told St",
    "pickup": {"address": "1 Told St", **HERE},
    "total_price": 80,
}


@pytest.fixture(scope="module")
async def house():
    """A house of its own, for push is stopped in it."""
    async with running(services=("booking", "matching", "push"), durable=False) as house:
        yield house


@asynccontextmanager
async def speaking(house, sub, role):
    headers = {"Authorization": f"Bearer {house.token(sub, role)}"}
    async with httpx.AsyncClient(base_url=house.url, headers=headers, timeout=PATIENCE_S) as http:
        yield http


async def answered(asked, status=200):
    answer = await asked
    assert answer.status_code == status, answer.text
    return answer.json()


async def online(house, *, phone):
    """A driver nearby, with a phone that pushes reach or without one."""
    driver = f"driver-{uuid4()}"
    await approved(house, driver)
    async with speaking(house, driver, "pilot") as http:
        if phone:
            device = {"token": uuid4().hex * 2, "platform": "ios"}
            await answered(http.post("/v1/devices", json=device), 201)
        await answered(http.post("/v1/drivers/me/online", json=HERE))
    return driver


async def once(http, path, holds, **params):
    """The answer, as soon as this holds for it: nothing announces what a view shows."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            view = await answered(http.get(path, params=params))
            if holds(view):
                return view
            await asyncio.sleep(0.05)


def told_of(view):
    """What each driver with an offer was told: the gates, or the states of its devices."""
    return {
        offer["driver_id"]: [
            one["gate"] or [device["state"] for device in one["devices"]] for one in offer["pushes"] or []
        ]
        for attempt in view["attempts"]
        for offer in attempt["offers"]
    }


async def test_an_admin_sees_whose_phone_was_told_of_a_job_and_who_has_none(house):
    """A12: both drivers have the offer; one push was sent, and nothing could be sent to the other."""
    dan, eve = await online(house, phone=True), await online(house, phone=False)
    async with speaking(house, "root", "admin") as admin, speaking(house, f"ann-{uuid4()}", "user") as ann:
        path = f"/v1/bookings/{(await answered(ann.post('/v1/bookings', json=HAUL), 201))['id']}/dispatch"
        expected = {dan: [["sent"]], eve: ["no_device"]}
        view = await once(admin, path, lambda view: expected.items() <= told_of(view).items())
        assert (view["pushes_refused"], view["pushes"]["left_out"]) == (None, 0)
        for driver, told in expected.items():
            alone = await answered(admin.get(path, params={"driver_id": driver}))
            assert told_of(alone) == {driver: told}
        refused = await answered(ann.get(path), 403)
        assert refused["code"] == "forbidden"


async def test_how_a_job_was_dispatched_can_be_seen_while_push_is_down(house):
    """A12, A11: without what only push knows, which the view says."""
    driver = await online(house, phone=False)
    async with speaking(house, "root", "admin") as admin, speaking(house, f"ann-{uuid4()}", "user") as ann:
        path = f"/v1/bookings/{(await answered(ann.post('/v1/bookings', json=HAUL), 201))['id']}/dispatch"
        await once(admin, path, lambda view: driver in told_of(view))
        await house.stop("push")
        try:
            view = await answered(admin.get(path))
        finally:
            await house.start("push")
        assert (view["pushes"], view["pushes_refused"]) == (None, "unavailable")
        assert {one["driver_id"]: one["pushes"] for one in view["attempts"][0]["offers"]}[driver] is None
        await once(admin, path, lambda view: told_of(view).get(driver) == ["no_device"])
