"""A service that is far behind with its events: they are stopped, its requests are not. What people were told
holds all the same (ADR 12, ADR 13)."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import nats
import pytest
from tests.e2e.phone import Phone, approved, phone

from contracts.streams import BOOKING_DISPATCH, MATCHING_DISPATCH, Consumer
from stack.house import House

HERE = {"lat": 12.97, "lng": 77.59}
NOBODY_HERE = {"lat": -12.97, "lng": 77.59}
JOB = {
    "service_type": "courier",
    "address": "1 Late St",
    "pickup": {"address": "1 Late St", **HERE},
    "total_price": 80,
}
pytestmark = pytest.mark.timeout(180)


@asynccontextmanager
async def events_stopped(house: House, consumer: Consumer) -> AsyncIterator[None]:
    """This one is given no event while the block runs, as if its service were that far behind."""
    nc = await nats.connect(house.nats_url, **house.nats_operator)
    subject = f"$JS.API.CONSUMER.PAUSE.{consumer.stream}.{consumer.durable}"

    async def paused(until: datetime) -> bool:
        answer = json.loads(
            (await nc.request(subject, json.dumps({"pause_until": until.isoformat()}).encode())).data
        )
        assert "error" not in answer, answer
        return bool(answer.get("paused"))

    try:
        assert await paused(datetime.now(UTC) + timedelta(hours=1))
        try:
            yield
        finally:
            assert not await paused(datetime(1970, 1, 1, tzinfo=UTC))
    finally:
        await nc.close()


@asynccontextmanager
async def on_duty(house: House) -> AsyncIterator[Phone]:
    """A driver, online here; offline afterwards, so that no other test has it."""
    driver = f"driver-{uuid4()}"
    await approved(house, driver)
    async with phone(house, driver, "pilot") as app:
        assert (await app.call("pilot:online", HERE))["ok"]
        yield app
        assert (await app.call("pilot:offline"))["ok"]


async def test_after_a_cancel_is_answered_nobody_can_accept_however_late_matching_hears_its_events(
    house: House,
) -> None:
    """B11, DESIGN invariant 3: over HTTP and the socket; the events that come later change nothing."""
    async with on_duty(house) as dan, phone(house, f"customer-{uuid4()}", "user") as ann:
        for by_socket in (False, True):
            ordered = await ann.http.post("/v1/bookings", json=JOB)
            assert ordered.status_code == 201, ordered.text
            job = {"bookingId": ordered.json()["id"]}
            await dan.hears("booking:offer", **job)
            async with events_stopped(house, MATCHING_DISPATCH):
                if by_socket:
                    assert (await ann.call("booking:cancel", job))["ok"]
                else:
                    answer = await ann.http.post(f"/v1/bookings/{job['bookingId']}/cancel")
                    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
                late = await dan.call("offer:accept", job)
                assert not late["ok"], "accepted after the customer was told"
                assert late["error"]["code"] == "job_gone"
                await dan.hears("offer:withdrawn", **job)
        # Free, and heard again: what was stopped is behind the next order.
        ordered = await ann.http.post("/v1/bookings", json=JOB)
        job = {"bookingId": ordered.json()["id"]}
        await dan.hears("booking:offer", **job)
        assert (await dan.call("offer:accept", job))["ok"]
        assert len(dan.heard("offer:withdrawn")) == 2


async def test_who_has_a_job_moves_it_on_however_late_booking_hears_of_the_assignment(house: House) -> None:
    """B7, C6, C12: over HTTP and the socket; the event that comes later changes nothing."""
    async with on_duty(house) as dan, phone(house, f"customer-{uuid4()}", "user") as ann:
        ordered = await ann.http.post("/v1/bookings", json=JOB)
        job = {"bookingId": ordered.json()["id"]}
        await dan.hears("booking:offer", **job)
        async with events_stopped(house, BOOKING_DISPATCH):
            assert (await dan.call("offer:accept", job))["ok"]
            seen = await dan.http.get(f"/v1/bookings/{job['bookingId']}")
            assert (seen.status_code, seen.json()["status"]) == (200, "accepted")
            assert (await dan.call("booking:subscribe", job))["ok"]
            assert (await dan.call("booking:update_status", job | {"status": "en_route"}))["ok"]
            await ann.hears("booking:status", status="en_route")
        for status in ("arrived", "in_progress", "completed"):
            assert (await dan.call("booking:update_status", job | {"status": status}))["ok"]
        await ann.hears("booking:status", status="completed")
        told = [one["status"] for one in ann.heard("booking:status")]
        assert told == ["accepted", "en_route", "arrived", "in_progress", "completed"]


async def test_who_is_told_that_a_search_is_over_may_retry_however_late_booking_hears_of_it(
    house: House,
) -> None:
    """B8, B10: over HTTP and the socket; each retry is a search, and the events that come later end none."""
    async with phone(house, f"customer-{uuid4()}", "user") as ann:

        async def hears(name: str, times: int) -> None:
            await ann.finds(name, lambda _: len(ann.heard(name)) >= times)

        ordered = await ann.http.post("/v1/bookings", json=JOB | {"pickup": {"address": "x", **NOBODY_HERE}})
        job = {"bookingId": ordered.json()["id"]}
        async with events_stopped(house, BOOKING_DISPATCH):
            for attempt, by_socket in ((2, False), (3, True), (4, False)):
                await hears("booking:no_pilots", attempt - 1)
                if by_socket:
                    assert (await ann.call("booking:retry", job))["ok"]
                else:
                    answer = await ann.http.post(f"/v1/bookings/{job['bookingId']}/retry")
                    assert (answer.status_code, answer.json()["attempt"]) == (200, attempt)
            await hears("booking:no_pilots", 4)
        await hears("booking:status", 7)
        told = [one["status"] for one in ann.heard("booking:status")]
        assert told == ["unfulfilled", "pending"] * 3 + ["unfulfilled"]
        assert len(ann.heard("booking:search_started")) == 4
