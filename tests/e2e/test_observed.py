"""What an operator finds of one order: one id in the logs of every service, and figures on every /metrics."""

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.e2e.phone import approved, phone

from stack.house import House
from stack.running import running

PATIENCE_S = 30
SERVICES = ("booking", "matching", "realtime", "push")
LATITUDES = itertools.count(-60)
"""So far from each other that no driver hears of another's order."""


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    """Nobody collects traces; every line is logged that there is."""
    async with running(durable=False, env={"WAGGLE_LOG_LEVEL": "debug"}) as house:
        yield house


def lines(house: House, service: str) -> list[dict[str, Any]]:
    """What it has logged so far. The last line may still be on its way."""
    text = (house.state / "log" / f"{service}.log").read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]


async def found(house: House, service: str, **fields: Any) -> dict[str, Any]:
    """The first line with these fields, as soon as it is there."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for line in lines(house, service):
                if fields.items() <= line.items():
                    return line
            await asyncio.sleep(0.05)


async def offered(house: House) -> str:
    """A driver with a phone has been offered an order, whose id it is."""
    driver_id, there, token = f"driver-{uuid4()}", {"lat": next(LATITUDES), "lng": 151.2}, uuid4().hex * 2
    await approved(house, driver_id)
    async with (
        phone(house, f"customer-{uuid4()}", "user") as customer,
        phone(house, driver_id, "pilot") as driver,
    ):
        await driver.http.post("/v1/devices", json={"token": token, "platform": "ios"})
        assert (await driver.call("pilot:online", there))["ok"]
        order = {"service_type": "courier", "pickup": {"address": "Quay", **there}, "total_price": 5}
        booking: str = (await customer.http.post("/v1/bookings", json=order)).json()["id"]
        await driver.hears("booking:offer", bookingId=booking)
        pushes = f"{house.apns_control_url}/control/pushes"
        pushed = await driver.http.get(pushes, params={"token": token, "wait_s": PATIENCE_S}, timeout=60)
        assert pushed.json()["pushes"]
        await customer.http.post(f"/v1/bookings/{booking}/cancel")
    return booking


async def test_one_id_leads_from_the_request_through_every_service_though_nobody_collects_traces(
    house: House,
) -> None:
    """The id is booking's own: the customer's app sent none."""
    booking = await offered(house)
    job = booking.replace("-", "")
    async with asyncio.timeout(PATIENCE_S):
        while not (begun := [line for line in lines(house, "booking") if about(line, "job.created", job)]):
            await asyncio.sleep(0.05)
    trace_id = begun[0]["trace_id"]
    assert re.fullmatch("[0-9a-f]{32}", trace_id)
    await found(house, "booking", event="http.answered", route="/v1/bookings", trace_id=trace_id)
    committed = await found(house, "matching", event="transaction.committed", trace_id=trace_id)
    assert committed["events"].keys() >= {"search.started", "offer.created"}
    await found(house, "matching", event="event.taken", trace_id=trace_id)
    await found(house, "realtime", event="bus.delivered", trace_id=trace_id)
    told = await found(house, "push", event="transaction.committed", trace_id=trace_id)
    assert told["events"] == {"notification.created": 1}
    await found(house, "push", event="push.attempted", result="sent", trace_id=trace_id)


def about(line: dict[str, Any], kind: str, job: str) -> bool:
    """Whether this line tells of the commit of such an event of this job."""
    return kind in line.get("events", {}) and job in line["first"].replace("-", "")


async def test_each_service_exports_what_it_counts(house: House) -> None:
    await offered(house)
    expected = {
        "booking": {"waggle_job_steps_total", "waggle_jobs_open", "waggle_outbox_oldest_seconds"},
        "matching": {"waggle_searches_started_total", "waggle_drivers", "waggle_consumer_pending"},
        "realtime": {"waggle_emit_seconds_bucket", "waggle_transports_max", "waggle_nats_connected"},
        "push": {"waggle_consumer_pending", "waggle_database_up", "waggle_event_handling_seconds_bucket"},
    }
    async with httpx.AsyncClient() as http:
        for service, wanted in expected.items():
            text = (await http.get(f"{house.service_url(service)}/metrics")).text
            assert wanted <= set(re.findall(r"^(\w+)[{ ]", text, re.M)), service
            assert "database" not in text or service != "realtime", "it has none"
