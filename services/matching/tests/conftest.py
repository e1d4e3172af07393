"""Matching running for real: nats-server, PostgreSQL, the service's own `main`, and HTTP to it."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import httpx
import jwt
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from contracts.events import (
    DispatchEvent,
    DriverLocated,
    DriverState,
    DriverStatusChanged,
    Event,
    JobCancelled,
    JobCreated,
    JobRetried,
    JobStatusChanged,
    OfferCreated,
)
from contracts.ids import new_id
from contracts.models import Job, JobStatus, Place
from matching.main import main
from matching.regions import region_of
from matching.settings import Settings
from wire.envelope import unseal
from wire.migrate import upgrade
from wire.publish import publish

KEY = "a-secret-that-only-these-tests-know-000"
WHOLE_LADDER = {"steps", "search_seconds", "stale_seconds", "ranking"}
PATIENCE_S = 30
"""Longest that anything is awaited. A machine may be slow and busy; only a broken one is slower than this."""
Wanted = TypeVar("Wanted", bound=DispatchEvent)


@dataclass
class World:
    """A running matching service and everything a test needs around it."""

    http: httpx.AsyncClient
    nc: Client
    engine: AsyncEngine
    settings: Settings
    heard: list[DispatchEvent] = field(default_factory=list)
    available: set[str] = field(default_factory=set)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    places: Any = field(default_factory=lambda: itertools.count(1))

    def place(self) -> tuple[float, float]:
        """A pickup far from every other test's (about 200 km apart)."""
        n = next(self.places)
        return 2.0 * (n % 40), 3.0 * (n // 40) + 1.0

    def auth(self, sub: str, role: str = "pilot") -> dict[str, str]:
        claims = {"sub": sub, "role": role, "iss": "waggle", "aud": "waggle"}
        token = jwt.encode(claims | {"exp": datetime.now(UTC).timestamp() + 600}, KEY, "HS256")
        return {"Authorization": f"Bearer {token}"}

    async def driver(self, at: tuple[float, float] | None, **more: Any) -> str:
        """An approved driver, online at a place that the supply map knows."""
        driver_id = f"driver-{new_id()}"
        body = {"id": driver_id, "name": "Ada", "approved": True, "rating": 4.5} | more
        answer = await self.http.post("/v1/drivers", json=body, headers=self.auth("root", "admin"))
        assert answer.status_code == 201, answer.text
        if body["approved"]:
            where = {"lat": at[0], "lng": at[1]} if at else {}
            answer = await self.http.post("/v1/drivers/me/online", json=where, headers=self.auth(driver_id))
            assert answer.status_code == 200, answer.text
            await self.until_known(driver_id)
        return driver_id

    async def until_heard(self) -> None:
        """The only replica there is has the map of every region there is: no job waits for that."""
        regions, owned = -1.0, -2.0
        async with asyncio.timeout(PATIENCE_S):
            while owned != regions:
                await asyncio.sleep(0.02)
                async with self.engine.connect() as connection:
                    regions = float(
                        (await connection.execute(text("SELECT count(*) FROM region"))).scalar_one()
                    )
                owned = await self.metric("waggle_regions_owned")

    async def metric(self, name: str) -> float:
        """As the service says now."""
        lines = (await self.http.get("/metrics")).text.splitlines()
        return sum(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    async def until_looked_for(self, job_id: UUID, rung: int = 0) -> None:
        """A driver for it, on this rung: the first job ever in a region waits for its map."""
        async with asyncio.timeout(PATIENCE_S):
            while all(one["rung"] < rung for one in (await self.dispatch(job_id))[0]["decisions"]):
                await asyncio.sleep(0.02)

    async def until_known(self, driver_id: str) -> None:
        """Its status has been through the bus: it reached matching's map before anything sent from now on."""
        await self.until(lambda: driver_id in self.available)

    async def moves(self, driver_id: str, at: tuple[float, float], when: datetime | None = None) -> None:
        there = DriverLocated(
            driver_id=driver_id, lat=at[0], lng=at[1], recorded_at=when or datetime.now(UTC)
        )
        await self.nc.publish(there.subject(region_of(*at)), there.model_dump_json().encode())
        await self.nc.flush()

    @staticmethod
    def job(at: tuple[float, float] | None, service_type: str = "courier", **more: Any) -> Job:
        now = datetime.now(UTC)
        fields: dict[str, Any] = {
            "id": new_id(),
            "number": "WG-000001",
            "customer_id": f"customer-{new_id()}",
            "service_type": service_type,
            "status": JobStatus.pending,
            "version": 1,
            "pickup": Place(address="1 Pickup St", lat=at[0], lng=at[1]) if at else None,
            "total_price": 20,
            "created_at": now,
            "updated_at": now,
        }
        return Job(**(fields | more))

    async def created(self, job: Job) -> None:
        await publish(self.nc.jetstream(), JobCreated(job_id=job.id, customer_id=job.customer_id, job=job))

    async def retried(self, job: Job) -> None:
        await publish(self.nc.jetstream(), JobRetried(job_id=job.id, customer_id=job.customer_id, job=job))

    async def completed(self, job: Job, driver_id: str) -> None:
        done = job.model_copy(update={"status": JobStatus.completed})
        event = JobStatusChanged(
            job_id=job.id,
            customer_id=job.customer_id,
            driver_id=driver_id,
            job=done,
            previous=JobStatus.in_progress,
        )
        await publish(self.nc.jetstream(), event)

    async def cancelled(self, job: Job) -> None:
        off = job.model_copy(update={"status": JobStatus.cancelled})
        event = JobCancelled(job_id=job.id, customer_id=job.customer_id, job=off, cancelled_by="user")
        await publish(self.nc.jetstream(), event)

    async def rules(self, name: str, policy: str = "cascade", **settings: Any) -> str:
        """A service type of one step, or with `steps` of several."""
        whole = {key: settings.pop(key) for key in WHOLE_LADDER & settings.keys()}
        rules = {"steps": [{"policy": policy} | settings]} | whole
        answer = await self.http.put(
            f"/v1/service-types/{name}", json=rules, headers=self.auth("root", "admin")
        )
        assert answer.status_code == 200, answer.text
        return name

    async def accept(self, driver_id: str, job_id: UUID) -> httpx.Response:
        return await self.http.post(f"/v1/jobs/{job_id}/accept", headers=self.auth(driver_id))

    async def decline(self, driver_id: str, job_id: UUID) -> httpx.Response:
        return await self.http.post(f"/v1/jobs/{job_id}/decline", headers=self.auth(driver_id))

    async def dispatch(self, job_id: UUID) -> Any:
        answer = await self.http.get(f"/v1/jobs/{job_id}/dispatch", headers=self.auth("root", "admin"))
        assert answer.status_code == 200, answer.text
        return answer.json()["attempts"]

    async def why(self, job_id: UUID, attempt: int = 1) -> dict[str, str | None]:
        """Each driver that the dispatch view of this attempt tells of, and the last gate it has there."""
        one = (await self.dispatch(job_id))[attempt - 1]
        told = [seen for look in one["decisions"] for seen in look["candidates"]] + one["others"]
        return {seen["driver_id"]: seen["gate"] for seen in told}

    async def offers(self, job_id: UUID, attempt: int = 1) -> list[Any]:
        """As they are kept: of one look for drivers all, as soon as one of them was heard."""
        offers: list[Any] = (await self.dispatch(job_id))[attempt - 1]["offers"]
        return offers

    async def feed(self, driver_id: str) -> list[str]:
        """The ids of the jobs in it, in its order."""
        answer = await self.http.get("/v1/jobs/available", headers=self.auth(driver_id))
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["items"]]

    async def busy(self, at: tuple[float, float], **more: Any) -> str:
        """A driver here who is on a job."""
        driver_id = await self.driver(at, **more)
        await self.wins(driver_id, self.job(at, "haul", vehicle_type=more.get("vehicle_type")))
        return driver_id

    async def wins(self, driver_id: str, job: Job) -> None:
        """The job is new, and this driver takes it."""
        await self.created(job)
        await self.hears(OfferCreated, job.id, lambda one: one.driver_id == driver_id)
        answer = await self.accept(driver_id, job.id)
        assert answer.status_code == 200, answer.text
        await self.until(lambda: driver_id not in self.available)

    async def state(self, driver_id: str) -> Any:
        answer = await self.http.get(f"/v1/drivers/{driver_id}", headers=self.auth("root", "admin"))
        return answer.json()

    def told(self, kind: type[Wanted], job_id: UUID) -> list[Wanted]:
        """Events of this kind about this job so far."""
        return [one for one in self.heard if isinstance(one, kind) and one.job_id == job_id]

    async def hears(
        self, kind: type[Wanted], job_id: UUID, which: Callable[[Wanted], bool] = lambda _: True
    ) -> Wanted:
        """The first such event, as soon as it is there; a timeout fails the test."""
        async with asyncio.timeout(30), self.changed:
            while True:
                for one in self.told(kind, job_id):
                    if which(one):
                        return one
                await self.changed.wait()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Until something that was heard makes it true; a timeout fails the test."""
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(holds)

    async def on_message(self, message: Msg) -> None:
        event: Event = unseal(message.headers, message.data).event
        async with self.changed:
            if isinstance(event, DispatchEvent):
                self.heard.append(event)
            elif isinstance(event, DriverStatusChanged):
                known = event.state is DriverState.available
                (self.available.add if known else self.available.discard)(event.driver_id)
            self.changed.notify_all()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The service in this process, ready."""
    task = asyncio.create_task(main(settings))
    limits = httpx.Limits(max_connections=300)
    base = f"http://127.0.0.1:{settings.http_port}"
    try:
        async with httpx.AsyncClient(base_url=base, timeout=30, limits=limits) as http:
            async with asyncio.timeout(60):
                while not await _ready(http):
                    assert not task.done(), task.exception()
                    await asyncio.sleep(0.05)
            yield http
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def changes() -> dict[str, Any]:
    """The settings of a module's matching that differ from the others'. Modules have their own of it."""
    return {}


@pytest.fixture(scope="module")
async def world(backend: Any, nats_url: str, changes: dict[str, Any]) -> AsyncIterator[World]:
    url = await backend.fresh_database()
    await upgrade("matching", url)
    usual: dict[str, Any] = {
        "nats_url": nats_url,
        "database_url": url,
        "database_pool": 110,
        "http_port": free_port(),
        "jwt_key": KEY,
        "log_level": "error",
        "silence_seconds": 3600,  # on a slow machine nobody falls silent by accident
    }
    settings = Settings(**(usual | changes))
    nc, engine = Client(), create_async_engine(url)
    await nc.connect(nats_url, max_reconnect_attempts=-1, reconnect_time_wait=1)
    async with serving(settings) as http:
        world = World(http, nc, engine, settings)
        for noun in ("search", "offer", "assignment", "feed", "driver.status"):
            await nc.subscribe(f"{noun}.>", cb=world.on_message)
        yield world
    await nc.close()
    await engine.dispose()
