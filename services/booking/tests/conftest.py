"""Booking as it runs: its own `main`, on a real bus and a real database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx
import nats
import pytest

from booking.main import main
from booking.settings import Settings
from stack.ports import HOST, Reservation
from stack.ready import http_ok
from wire.migrate import upgrade

from .people import KEY, PATIENCE_S, Person, Service

if TYPE_CHECKING:  # the root's; pytest imports it under no name
    from conftest import Backend


@pytest.fixture(scope="module")
async def booking(backend: "Backend", nats_url: str) -> AsyncIterator[Service]:
    """Booking, ready, with a database of its own."""
    database_url = await backend.fresh_database()
    await upgrade("booking", database_url)
    reservation = Reservation()
    settings = Settings(
        jwt_key=KEY,
        nats_url=nats_url,
        database_url=database_url,
        http_port=reservation.port(),
        log_level="error",
    )
    running = asyncio.create_task(main(settings))
    nc = await nats.connect(nats_url)
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{settings.http_port}", timeout=PATIENCE_S) as http:
        ready = asyncio.create_task(http_ok(f"{http.base_url}/readyz"))
        await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED)
        assert ready.done(), "booking ended before it was ready"
        service = Service(http, nc, database_url)
        await service.listen()
        yield service
    await nc.close()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    reservation.release()


@pytest.fixture
async def silent_bus(nats_url: str) -> str:
    """On which nothing was said yet: a stream knows the jobs of one database only."""
    nc = await nats.connect(nats_url)
    await nc.jetstream().purge_stream("DISPATCH")
    await nc.close()
    return nats_url


@pytest.fixture
def customer(booking: Service) -> Person:
    return booking.person("user")


@pytest.fixture
def driver(booking: Service) -> Person:
    return booking.person("pilot")


@pytest.fixture
def admin(booking: Service) -> Person:
    return booking.person("admin")
