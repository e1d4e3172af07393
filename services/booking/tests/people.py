"""Who comes to booking in its tests: customers, drivers and admins over HTTP; matching over the bus."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.events import (
    AssignmentCreated,
    AssignmentReleased,
    DispatchMode,
    Event,
    JobEvent,
    SearchFailed,
    SearchFailure,
    SearchTimedOut,
)
from contracts.models import DriverCard, Model
from contracts.requests import Request
from contracts.streams import BOOKING_DISPATCH as CONSUMER
from stack.tokens import Role, mint
from wire.envelope import MESSAGE_ID, Letter, seal, unseal
from wire.rpc import Endpoint, serve

KEY = "a-secret-that-only-these-tests-know-000"
ORDER: dict[str, Any] = {
    "service_type": "courier",
    "vehicle_type": "van",
    "pickup": {"address": "1 Hive St", "lat": 40.72, "lng": -73.99},
    "dropoff": {"address": "9 Comb Ave", "lat": 40.75, "lng": -73.97},
    "items": {"boxes": 2, "fragile": True},
    "notes": "Ring twice",
    "total_price": 24.5,
    "payment_method": "cash",
    "cash_to_collect": 20,
}


PATIENCE_S = 30
"""Longest that anything is awaited. A machine may be slow and busy; only a broken one is slower than this."""


def answered(response: httpx.Response, status: int) -> dict[str, Any]:
    """The body of an answer that must have this status."""
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    return body


def refused(response: httpx.Response, status: int, code: str) -> None:
    """It must be a problem (RFC 9457) of this status and code."""
    assert (response.status_code, response.json().get("code")) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"


def about(job: dict[str, Any], attempt: int = 1) -> dict[str, Any]:
    """The fields that every event of a search has."""
    ids = {"job_id": UUID(job["id"]), "customer_id": job["customer_id"], "search_id": uuid4()}
    return ids | {"attempt": attempt}


@dataclass
class Ear:
    """Everything that booking says about jobs, in the order of the bus, with its subject.

    Each event once: a slow outbox sends one again, which the stream, unlike this subscription, knows.
    """

    said: list[tuple[str, JobEvent]] = field(default_factory=list)
    known: set[UUID] = field(default_factory=set)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def hear(self, message: Msg) -> None:
        received = unseal(message.headers, message.data)
        assert isinstance(received.event, JobEvent)
        async with self.changed:
            if received.id not in self.known:
                self.known.add(received.id)
                self.said.append((message.subject, received.event))
                self.changed.notify_all()

    async def about(self, job: dict[str, Any], count: int, seconds: float = PATIENCE_S) -> list[JobEvent]:
        """What was said of this job, as soon as it is `count` events."""
        wanted = UUID(job["id"])
        async with asyncio.timeout(seconds), self.changed:
            while len(found := [event for _, event in self.said if event.job_id == wanted]) < count:
                await self.changed.wait()
        return found


@dataclass
class Acknowledged:
    """What booking's consumer has acknowledged, by the message's number in the stream."""

    numbers: set[int] = field(default_factory=set)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def hear(self, message: Msg) -> None:
        if not message.data:  # as nats-py's ack_sync has it; a nak has a body
            async with self.changed:
                self.numbers.add(int(message.subject.split(".")[5]))
                self.changed.notify_all()

    async def wait(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE_S), self.changed:
            await self.changed.wait_for(lambda: number in self.numbers)


@dataclass
class Person:
    """Somebody with a token."""

    http: httpx.AsyncClient
    sub: str
    role: Role

    async def asks(self, method: str, path: str = "", **request: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {mint(self.sub, self.role, key=KEY)}"}
        headers |= request.pop("headers", {})
        return await self.http.request(method, f"/v1/bookings{path}", headers=headers, **request)

    async def orders(self, key: str | None = None, **changes: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key is not None else {}
        return await self.asks("POST", json=ORDER | changes, headers=headers)

    async def ordered(self, **changes: Any) -> dict[str, Any]:
        """A new job of this customer."""
        return answered(await self.orders(**changes), 201)

    async def sees(self, job: dict[str, Any]) -> dict[str, Any]:
        return answered(await self.asks("GET", f"/{job['id']}"), 200)

    async def cancels(self, job: dict[str, Any]) -> httpx.Response:
        return await self.asks("POST", f"/{job['id']}/cancel")

    async def retries(self, job: dict[str, Any]) -> httpx.Response:
        return await self.asks("POST", f"/{job['id']}/retry")

    async def moves(self, job: dict[str, Any], step: str) -> httpx.Response:
        return await self.asks("POST", f"/{job['id']}/status", json={"status": step})


@dataclass
class Service:
    """Booking under test, and the bus around it."""

    http: httpx.AsyncClient
    nc: Client
    database_url: str
    ear: Ear = field(default_factory=Ear)
    acknowledged: Acknowledged = field(default_factory=Acknowledged)

    @asynccontextmanager
    async def asking(
        self, question: type[Request[Any]], answer: Callable[[Any], Awaitable[Model]]
    ) -> AsyncIterator[None]:
        """Somebody who answers this in matching's place."""
        async with serve(self.nc, "matching", "0.0.0", [Endpoint(question, answer)]):
            await self.nc.flush()
            yield

    async def listen(self) -> None:
        await self.nc.subscribe("job.>", cb=self.ear.hear)
        await self.nc.subscribe(f"$JS.ACK.{CONSUMER.stream}.{CONSUMER.durable}.>", cb=self.acknowledged.hear)
        await self.nc.flush()

    def person(self, role: Role, sub: str | None = None) -> Person:
        """Somebody nobody else is."""
        return Person(self.http, sub or f"{role} {uuid4().hex[:8]}", role)

    async def happens(self, event: Event) -> Letter:
        """As if matching had said it; booking has applied it when this returns."""
        letter = seal(event)
        await self.delivers(letter)
        return letter

    async def delivers(self, letter: Letter) -> None:
        """Put it into the stream, be it there or not; booking is done with it when this returns."""
        headers = letter.headers | {MESSAGE_ID: str(uuid4())}
        stored = await self.nc.jetstream().publish(letter.subject, letter.body, headers=headers)
        await self.acknowledged.wait(stored.seq)

    async def assigns(self, job: dict[str, Any], driver: str, attempt: int = 1) -> Letter:
        """Matching gives the job to this driver."""
        card = DriverCard(id=driver, name="Dana", phone="+1 555 0100", vehicle_type="van", rating=4.8)
        search = about(job, attempt)
        event = AssignmentCreated(**search, driver_id=driver, mode=DispatchMode.cascade, driver=card)
        return await self.happens(event)

    async def finds_nobody(self, job: dict[str, Any], attempt: int = 1) -> Letter:
        """Matching's search ends without a driver."""
        nobody = SearchFailed(**about(job, attempt), reason=SearchFailure.none_in_area, tried=0)
        return await self.happens(nobody)

    async def times_out(self, job: dict[str, Any], attempt: int = 1) -> Letter:
        """Matching's search comes to the end of its life."""
        return await self.happens(SearchTimedOut(**about(job, attempt), tried=1))

    async def releases(self, job: dict[str, Any], driver: str, attempt: int = 1) -> Letter:
        """Matching heard of a cancel, and frees the driver."""
        search = about(job, attempt)
        return await self.happens(AssignmentReleased(**search, driver_id=driver, reason="job_cancelled"))
