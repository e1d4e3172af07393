"""Each service starts alone, waits for what it needs, and becomes ready when it comes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
from nats.aio.client import Client

from contracts.streams import PUSH_DISPATCH
from stack.house import House
from stack.ports import HOST, Reservation
from wire.connection import check, connect
from wire.http import Check, create_app
from wire.run import serve_http
from wire.settings import DatabaseSettings
from wire.sql import Database

if TYPE_CHECKING:
    from libs.wire.tests.conftest import Line

Settings = Callable[..., DatabaseSettings]


@asynccontextmanager
async def served(settings: Settings, checks: dict[str, Check]) -> AsyncIterator[httpx.AsyncClient]:
    reservation = Reservation()
    chosen = settings(http_port=reservation.port())
    serving = asyncio.create_task(serve_http(create_app("test", "1.2.3", chosen, checks), chosen))
    transport = httpx.AsyncHTTPTransport(retries=5)
    url = f"http://{HOST}:{chosen.http_port}"
    async with httpx.AsyncClient(base_url=url, transport=transport) as client:
        yield client
    serving.cancel()
    await asyncio.wait({serving})
    reservation.release()


def answers(database: Database) -> Check:
    async def ready() -> None:
        async with database.engine.connect():
            pass

    return ready


async def test_service_is_alive_before_and_ready_once_its_parts_are_there(
    house: House, database: Database, settings: Settings
) -> None:
    """Issue 2, done when: start order does not matter."""
    nc = Client()
    checks = {"nats": check(nc, PUSH_DISPATCH), "database": answers(database)}
    await house.stop("nats")
    await house.stop("postgres")
    async with served(settings, checks) as http, asyncio.TaskGroup() as group:
        assert (await http.get("/livez")).status_code == 200
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["failing"].keys() == {"nats", "database"}
        assert answer.json()["failing"]["nats"] == "ConnectionError: not connected to NATS"

        done, connected = asyncio.Event(), asyncio.Event()

        async def service() -> None:
            async with connect(nc, house.nats_url, name="test"):
                connected.set()
                await done.wait()

        group.create_task(service())
        await house.start("nats")
        await connected.wait()
        assert (await http.get("/readyz")).json()["failing"].keys() == {"database"}
        await house.start("postgres")
        assert (await http.get("/readyz")).status_code == 200
        await house.stop("nats")
        assert (await http.get("/readyz")).json()["failing"].keys() == {"nats"}
        assert (await http.get("/livez")).status_code == 200
        await house.start("nats")
        done.set()


async def test_missing_consumer_is_told(
    make_line: Callable[..., Awaitable["Line"]], nc: Client, settings: Settings
) -> None:
    """What `waggle-streams` has yet to make."""
    line = await make_line(declared=False)
    async with served(settings, {"nats": check(nc, line.consumer)}) as http:
        assert "consumer not found" in (await http.get("/readyz")).json()["failing"]["nats"]


async def test_check_that_hangs_is_a_check_that_fails(settings: Settings) -> None:
    """A pool that is used up would otherwise keep the answer for half a minute."""

    async def hang() -> None:
        await asyncio.Event().wait()

    async with served(settings, {"one": hang, "other": hang}) as http:
        answer = await http.get("/readyz", timeout=30)
    assert (answer.status_code, answer.json()["failing"].keys()) == (503, {"one", "other"})
    assert answer.elapsed.total_seconds() < 4  # side by side, at 2 s each
