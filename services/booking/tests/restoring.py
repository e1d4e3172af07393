"""A database of booking's that was lost and restored to an earlier point, and what the stream knows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import nats
from sqlalchemy.engine import make_url

from booking.main import main
from booking.settings import Settings
from stack.ports import HOST, Reservation
from stack.ready import http_ok
from wire.migrate import upgrade

from .people import KEY, PATIENCE_S, Service

if TYPE_CHECKING:  # the root's; pytest imports it under no name
    from conftest import Backend


def settings(nats_url: str, database_url: str, port: int = 1) -> Settings:
    return Settings(
        jwt_key=KEY, nats_url=nats_url, database_url=database_url, http_port=port, log_level="error"
    )


@asynccontextmanager
async def running(bus: str, database_url: str) -> AsyncIterator[Service]:
    """Booking on a database of one's choice, for as long as the block runs."""
    reservation = Reservation()
    port = reservation.port()
    task = asyncio.create_task(main(settings(bus, database_url, port)))
    nc = await nats.connect(bus)
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=PATIENCE_S) as http:
        await http_ok(f"{http.base_url}/readyz")
        service = Service(http, nc, database_url)
        await service.listen()
        yield service
    await nc.close()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    reservation.release()


async def created(backend: "Backend") -> str:
    """A database of booking's with nothing in it; its URL."""
    url = await backend.fresh_database()
    await upgrade("booking", url)
    return url


async def copied(backend: "Backend", database_url: str) -> str:
    """As a backup is, restored to another place. Nobody may use the original meanwhile."""
    return await backend.fresh_database(str(make_url(database_url).database))


async def rows(database_url: str, query: str = "SELECT * FROM booking ORDER BY id") -> list[dict[str, Any]]:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    found = await connection.fetch(query)
    await connection.close()
    return [dict(row) for row in found]


async def lose(booking: Service, subject: str) -> None:
    """The stream never had it."""
    js = booking.nc.jetstream()
    message = await js.get_last_msg("DISPATCH", subject)
    assert message.seq
    await js.delete_msg("DISPATCH", message.seq)
