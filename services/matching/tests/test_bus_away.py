"""Matching while the bus is away. On parts of its own, which it stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import nats
import pytest

from contracts.events import JobCreated
from contracts.ids import new_id
from contracts.models import Job
from stack.house import House
from stack.running import running
from wire.envelope import unseal
from wire.publish import publish

from .conftest import PATIENCE_S, World

JOBS = 12
"""Were each accept held up by the bus, until its publish gives up after 5 s, they would take a minute together."""


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    """Matching as a process, nats-server and PostgreSQL."""
    async with running(services=("matching",), caddy=False, apns=False, durable=False) as house:
        yield house


@pytest.fixture
async def http(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=house.service_url("matching"), timeout=PATIENCE_S) as client:
        yield client


@asynccontextmanager
async def bus_away(house: House) -> AsyncIterator[None]:
    await house.stop("nats")
    try:
        yield
    finally:
        await house.start("nats")
        await house.ready("matching")


@asynccontextmanager
async def bus(house: House) -> AsyncIterator[nats.NATS]:
    connection = await nats.connect(house.nats_url)
    try:
        yield connection
    finally:
        await connection.close()


def as_driver(house: House, driver_id: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.token(driver_id, 'pilot')}"}


async def asks(
    http: httpx.AsyncClient, headers: dict[str, str], path: str, body: Any = None, status: int = 200
) -> Any:
    answer = await http.post(path, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def offered(house: House, http: httpx.AsyncClient) -> list[tuple[Job, str]]:
    """Jobs far from each other, each before a driver of its own."""
    admin = {"Authorization": f"Bearer {house.token('root', 'admin')}"}
    pairs = []
    async with bus(house) as nc:
        offers = await nc.jetstream().subscribe("offer.created.>", ordered_consumer=True)
        for number in range(JOBS):
            at, driver_id = (2.0 * number, 1.0), f"driver-{new_id()}"
            body = {"id": driver_id, "name": "Ada", "approved": True}
            await asks(http, admin, "/v1/drivers", body, 201)
            where = {"lat": at[0], "lng": at[1]}
            await asks(http, as_driver(house, driver_id), "/v1/drivers/me/online", where)
            job = World.job(at, "haul")
            created = JobCreated(job_id=job.id, customer_id=job.customer_id, job=job)
            await publish(nc.jetstream(), created)
            pairs.append((job, driver_id))
        for _ in pairs:
            await offers.next_msg(timeout=PATIENCE_S)
    return pairs


async def told(house: House, subject: str) -> Any:
    """The first event of this subject in the stream, once it is there."""
    async with bus(house) as nc:
        events = await nc.jetstream().subscribe(subject, ordered_consumer=True)
        message = await events.next_msg(timeout=PATIENCE_S)
        return unseal(message.headers, message.data).event


async def test_accepts_are_answered_at_once_while_the_bus_is_away(
    house: House, http: httpx.AsyncClient
) -> None:
    """A11, E1, DESIGN invariant 5: one winner, told when the bus is back; so are the feeds."""
    pairs = await offered(house, http)
    async with bus_away(house):
        async with asyncio.timeout(PATIENCE_S):
            for job, driver in pairs:
                accepted = await asks(http, as_driver(house, driver), f"/v1/jobs/{job.id}/accept")
                assert accepted["driver_id"] == driver
        (job, winner), (_, other) = pairs[:2]
        late = await http.post(f"/v1/jobs/{job.id}/accept", headers=as_driver(house, other))
        assert (late.status_code, late.json()["code"]) == (409, "already_accepted")
        await asks(http, as_driver(house, winner), f"/v1/jobs/{job.id}/accept")
    for job, driver in pairs:
        assert (await told(house, f"assignment.created.{job.id}.>")).driver_id == driver
        assert (await told(house, f"feed.closed.{job.id}.>")).driver_id == driver


async def test_a_position_is_refused_while_the_bus_is_away(house: House, http: httpx.AsyncClient) -> None:
    """A13: a clear answer, for nobody could be told; and it counts for nothing."""
    [(_, driver), *_] = await offered(house, http)
    headers, here = as_driver(house, driver), {"lat": 1, "lng": 1}
    async with bus_away(house):
        refused = await http.post("/v1/drivers/me/location", json=here, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert (await asks(http, headers, "/v1/drivers/me/location", here)) == {"used": True}
