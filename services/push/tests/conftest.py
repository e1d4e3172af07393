"""Push running for real: nats-server, PostgreSQL, HTTP/2 to the APNs stand-in, the service's own `main`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from apns_standin import Standin, standin
from contracts.events import Event, NotificationCreated
from contracts.ids import new_id
from contracts.requests import ViewBooking
from push.main import main
from push.settings import Settings
from stack.ports import Reservation
from stack.ready import http_ok
from stack.tokens import mint
from wire.envelope import unseal
from wire.migrate import upgrade
from wire.publish import publish
from wire.rpc import Endpoint, serve

from .cards import Bookings

KEY = "a-secret-that-only-these-tests-know-000"
TOPICS = ("app.waggle.customer", "app.waggle.driver")


@dataclass
class World:
    """The service, started and stopped by the test, and everything around it."""

    nats_url: str
    database_url: str
    port: int
    apns: Standin
    nc: Client
    engine: AsyncEngine
    http: httpx.AsyncClient
    heard: list[NotificationCreated] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    running: asyncio.Task[None] | None = None

    def settings(self, **changes: Any) -> Settings:
        apns = self.apns
        given: dict[str, Any] = {
            "nats_url": self.nats_url,
            "database_url": self.database_url,
            "http_port": self.port,
            "jwt_key": KEY,
            "log_level": "warning",
            "environment": "development",
            "apns_host": apns.host,
            "apns_port": apns.port,
            "apns_ca_file": apns.ca_file,
            "apns_key_file": apns.key_file,
            "apns_key_id": apns.key_id,
            "apns_team_id": apns.team_id,
        }
        return Settings(**(given | changes))

    async def start(self, **changes: Any) -> None:
        self.running = asyncio.create_task(main(self.settings(**changes)))
        await self.ready()

    async def ready(self) -> None:
        ok = asyncio.create_task(http_ok(f"{self.http.base_url}/readyz"))
        waits = [ok, *([self.running] if self.running else [])]
        await asyncio.wait(waits, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        assert ok.done(), "push does not become ready"

    async def stop(self) -> None:
        """As SIGTERM does: what is under way is finished and written back."""
        if self.running:
            self.running.cancel()
            with suppress(asyncio.CancelledError):
                await self.running
            self.running = None

    def auth(self, sub: str, role: Any = "user") -> dict[str, str]:
        return {"Authorization": f"Bearer {mint(sub, role, key=KEY)}"}

    async def register(self, sub: str, role: str = "user", token: str | None = None, **body: Any) -> str:
        """A device of this user; its token."""
        token = token or new_id().hex * 2
        registration = {"token": token, "platform": "ios"} | body
        answer = await self.http.post("/v1/devices", json=registration, headers=self.auth(sub, role))
        assert answer.status_code in (200, 201), answer.text
        return token

    async def devices(self, sub: str) -> list[str]:
        answer = await self.http.get("/v1/devices", headers=self.auth(sub))
        return [device["token"] for device in answer.json()["items"]]

    async def notifications(self, sub: str, **params: Any) -> Any:
        answer = await self.http.get("/v1/notifications", params=params, headers=self.auth(sub))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def happens(self, event: Event) -> None:
        await publish(self.nc.jetstream(), event)

    async def told(self, user: str, count: int = 1) -> list[NotificationCreated]:
        """The first `count` notifications of this user, as soon as they are on the bus."""
        async with asyncio.timeout(60), self.changed:
            while len(found := [one for one in self.heard if one.user_id == user]) < count:
                await self.changed.wait()
        return found

    async def on_notification(self, message: Msg) -> None:
        event = unseal(message.headers, message.data).event
        assert isinstance(event, NotificationCreated)
        async with self.changed:
            self.heard.append(event)
            self.changed.notify_all()

    async def deliveries(self, token: str) -> list[Any]:
        query = text("SELECT * FROM delivery WHERE token = :token ORDER BY id")
        async with self.engine.connect() as connection:
            return list((await connection.execute(query, {"token": token})).all())

    async def settled(self, token: str, *states: str) -> Any:
        """The first of the device's deliveries, once they are in these states, in order of their making.
        Nothing announces that but the rows."""
        async with asyncio.timeout(60):
            while True:
                rows = await self.deliveries(token)
                if [row.state for row in rows] == list(states):
                    return rows[0]
                await asyncio.sleep(0.02)


@pytest.fixture(scope="session")
async def push_template(backend: Any) -> str:
    """Name of a migrated database, to be copied."""
    url = await backend.fresh_database()
    await upgrade("push", url)
    return str(make_url(url).database)


@pytest.fixture(scope="session")
def push_apns_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("apns")


@pytest.fixture
async def stopped(
    backend: Any, nats_url: str, push_template: str, push_apns_state: Path
) -> AsyncIterator[World]:
    """A world in which the service has not been started. What it hears of a test before it is nobody's."""
    database_url = await backend.fresh_database(push_template)
    reservation = Reservation()
    port, nc, engine = reservation.port(), Client(), create_async_engine(database_url)
    await nc.connect(nats_url)
    async with (
        standin(push_apns_state, topics=TOPICS) as apns,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
    ):
        world = World(nats_url, database_url, port, apns, nc, engine, http)
        await nc.subscribe("notification.created.>", cb=world.on_notification)
        await nc.flush()
        yield world
        await world.stop()
    await nc.close()
    await engine.dispose()
    reservation.release()


@pytest.fixture
async def world(stopped: World) -> World:
    """A world in which the service runs."""
    await stopped.start()
    return stopped


@pytest.fixture
async def bookings(stopped: World) -> AsyncIterator[Bookings]:
    """Booking, as far as push asks it."""
    known = Bookings()
    async with serve(stopped.nc, "booking", "0.0.0", [Endpoint(ViewBooking, known.view)]):
        yield known
