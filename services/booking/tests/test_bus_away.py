"""Booking while the bus is away, and killed on the way to it. On parts of its own, which it stops."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import nats
import pytest

from contracts.events import Event
from stack.house import House
from stack.ready import http_ok
from stack.running import running
from wire.envelope import unseal

from .people import ORDER, PATIENCE_S, answered, refused

ORDERS = 20
"""Were each held up by the bus, until its publish gives up after 5 s, they would take 100 s together."""


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    """Booking as a process, nats-server and PostgreSQL."""
    async with running(services=("booking",), caddy=False, apns=False, durable=False) as house:
        yield house


@pytest.fixture
async def customer(house: House) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {house.token('ann', 'user')}"}
    url = house.service_url("booking")
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_S) as client:
        yield client


@asynccontextmanager
async def bus_away(house: House) -> AsyncIterator[None]:
    await house.stop("nats")
    try:
        yield
    finally:
        await house.start("nats")
        await house.ready("booking")


async def told(house: House, job: dict[str, Any], count: int) -> list[Event]:
    """The first `count` events of this job in the stream, once they are there."""
    bus = await nats.connect(house.nats_url, **house.nats_operator)
    try:
        events = await bus.jetstream().subscribe(f"job.*.{job['id']}.>", ordered_consumer=True)
        messages = [await events.next_msg(timeout=PATIENCE_S) for _ in range(count)]
        return [unseal(message.headers, message.data).event for message in messages]
    finally:
        await bus.close()


async def test_order_is_taken_at_once_while_the_bus_is_away(
    house: House, customer: httpx.AsyncClient
) -> None:
    """A11, DESIGN invariant 5: and announced when the bus is back."""
    async with bus_away(house):
        async with asyncio.timeout(2 * PATIENCE_S):
            for _ in range(ORDERS):
                answered(await customer.post("/v1/bookings", json=ORDER), 201)
        job = answered(await customer.post("/v1/bookings", json=ORDER), 201)
        assert answered(await customer.get(f"/v1/bookings/{job['id']}"), 200) == job
        cancelled = answered(await customer.post(f"/v1/bookings/{job['id']}/cancel"), 200)
    events = await told(house, job, 2)
    assert {event.type for event in events} == {"job.created", "job.cancelled"}
    assert answered(await customer.get(f"/v1/bookings/{job['id']}"), 200) == cancelled


async def test_order_survives_a_kill_between_commit_and_publish(
    house: House, customer: httpx.AsyncClient
) -> None:
    """DESIGN invariants 1 and 5: answered 201, it exists; committed, its event reaches the stream, once."""
    headers = {"Idempotency-Key": "before the kill"}
    async with bus_away(house):
        job = answered(await customer.post("/v1/bookings", json=ORDER, headers=headers), 201)
        await house.supervisor.kill("booking", signal.SIGKILL)
        await http_ok(f"{house.service_url('booking')}/livez")
        again = await customer.post("/v1/bookings", json=ORDER, headers=headers)
        assert answered(again, 201) == job
        assert again.headers["idempotency-replayed"] == "true"
    await told(house, job, 1)
    answered(await customer.post(f"/v1/bookings/{job['id']}/cancel"), 200)
    events = await told(house, job, 2)
    assert [event.type for event in events] == ["job.created", "job.cancelled"]


async def test_booking_that_never_saw_a_bus_takes_orders_and_waits_for_it(
    house: House, customer: httpx.AsyncClient
) -> None:
    """Issue 2, done when: each service starts alone, and becomes ready when what it needs comes."""
    async with bus_away(house):
        await house.supervisor.kill("booking", signal.SIGKILL)
        await http_ok(f"{house.service_url('booking')}/livez")
        waiting = await customer.get("/readyz")
        assert (waiting.status_code, waiting.json()["code"]) == (503, "not_ready")
        assert list(waiting.json()["failing"]) == ["nats", "revocations"]
        job = answered(await customer.post("/v1/bookings", json=ORDER), 201)
    assert (await told(house, job, 1))[0].type == "job.created"


async def test_how_a_driver_is_looked_for_is_unavailable_without_the_bus(
    house: House, customer: httpx.AsyncClient
) -> None:
    """B12, A12: a clear answer, and never a 500: the bus having gone, and not having been there yet."""
    admin = {"Authorization": f"Bearer {house.token('root', 'admin')}"}
    job = answered(await customer.post("/v1/bookings", json=ORDER), 201)
    path = f"/v1/bookings/{job['id']}"
    async with bus_away(house):
        refused(await customer.get(f"{path}/search"), 503, "unavailable")
        await house.supervisor.kill("booking", signal.SIGKILL)
        await http_ok(f"{house.service_url('booking')}/livez")
        for answer in await asyncio.gather(
            customer.get(f"{path}/search"), customer.get(f"{path}/dispatch", headers=admin)
        ):
            refused(answer, 503, "unavailable")
        assert answered(await customer.get(path), 200) == job
