"""A cancel while matching is far behind with its events: they are stopped, its requests are not."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import nats
import pytest
from tests.e2e.phone import approved, phone

from contracts.streams import MATCHING_DISPATCH as CONSUMER
from stack.house import House

HERE = {"lat": 12.97, "lng": 77.59}
JOB = {
    "service_type": "courier",
    "address": "1 Late St",
    "pickup": {"address": "1 Late St", **HERE},
    "total_price": 80,
}
pytestmark = pytest.mark.timeout(180)


@asynccontextmanager
async def events_stopped(house: House) -> AsyncIterator[None]:
    """Matching is given no event while the block runs, as if it were that far behind."""
    nc = await nats.connect(house.nats_url, **house.nats_operator)
    subject = f"$JS.API.CONSUMER.PAUSE.{CONSUMER.stream}.{CONSUMER.durable}"

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


async def test_after_a_cancel_is_answered_nobody_can_accept_however_late_matching_hears_its_events(
    house: House,
) -> None:
    """B11, DESIGN invariant 3: over HTTP and the socket; the events that come later change nothing."""
    driver = f"driver-{uuid4()}"
    await approved(house, driver)
    async with (
        phone(house, driver, "pilot") as dan,
        phone(house, f"customer-{uuid4()}", "user") as ann,
    ):
        assert (await dan.call("pilot:online", HERE))["ok"]
        for by_socket in (False, True):
            ordered = await ann.http.post("/v1/bookings", json=JOB)
            assert ordered.status_code == 201, ordered.text
            job = {"bookingId": ordered.json()["id"]}
            await dan.hears("booking:offer", **job)
            async with events_stopped(house):
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
