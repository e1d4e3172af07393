"""How long an idle HTTP connection is kept."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from stack.ports import HOST, Reservation
from stack.ready import listens
from wire.http import create_app
from wire.run import serve_http
from wire.settings import DatabaseSettings

CADDYFILE = Path(__file__).parents[3] / "deploy" / "local" / "Caddyfile"
Settings = Callable[..., DatabaseSettings]


@asynccontextmanager
async def idle(settings: DatabaseSettings) -> AsyncIterator[asyncio.StreamReader]:
    """A connection to a service, on which one request was answered."""
    serving = asyncio.create_task(serve_http(create_app("test", "1.2.3", settings, {}), settings))
    await listens(settings.http_port)
    reader, writer = await asyncio.open_connection(HOST, settings.http_port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n")
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = re.search(r"content-length: (\d+)", head)
    assert length, head
    await reader.readexactly(int(length[1]))
    try:
        yield reader
    finally:
        writer.close()
        serving.cancel()
        await asyncio.wait([serving])


async def test_an_idle_connection_is_kept_as_long_as_it_is_told(settings: Settings) -> None:
    """Of two, the one that was idle later ends first, for it is told to be kept for less."""
    long = settings(http_port=Reservation().port(), keep_alive_seconds=3600)
    short = settings(http_port=Reservation().port(), keep_alive_seconds=1)
    async with asyncio.timeout(60), idle(long) as kept:
        end = asyncio.create_task(kept.read())
        async with idle(short) as ended:
            assert await ended.read() == b""
            assert not end.done()
        end.cancel()


def test_services_keep_it_longer_than_what_is_before_them(settings: Settings) -> None:
    """Else a request is sent into a connection that is being closed, and is answered 502."""
    kept = [int(seconds) for seconds in re.findall(r"\bkeepalive (\d+)s", CADDYFILE.read_text())]
    assert kept
    assert max(kept) < settings().keep_alive_seconds
