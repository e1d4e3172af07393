"""A client that comes back by itself, as official ones do, and what stands between it and several edges."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from .phone import PATIENCE, Phone


class Loyal(Phone):
    """`comings` counts its connects. It tells the edge what it kept: its `pid`, and the last `offset`."""

    def __init__(self) -> None:
        super().__init__()
        self.comings = 0
        self._sio.reconnection, self._sio.reconnection_delay, self._sio.reconnection_delay_max = True, 0.1, 1
        self._sio.on("connect", self._came)

    async def dial(self, url: str, token: object, *_transports: str, **more: object) -> "Loyal":
        """By WebSocket, whatever is said."""

        def auth() -> dict[str, object]:
            kept = {"pid": self.pid, "offset": self.offset} if self.offset else {}
            return {"token": token, **more, **kept}

        await self._sio.connect(url, auth=auth, transports=["websocket"], wait_timeout=PATIENCE)
        return self

    async def came(self, times: int) -> None:
        """Until it has connected so often."""
        async with asyncio.timeout(60), self._heard:
            await self._heard.wait_for(lambda: self.comings >= times)

    async def _came(self) -> None:
        async with self._heard:
            self.comings += 1
            self._heard.notify_all()


@asynccontextmanager
async def balancer(port: int, *urls: str) -> AsyncIterator[str]:
    """Passes the first connection on to the first of `urls`, the second to the second, and all after the
    last one's to the last; its own URL."""
    left = list(urls)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = urlsplit(left.pop(0) if len(left) > 1 else left[0])
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(there.hostname, there.port)
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        writer.close()

    async with await asyncio.start_server(pass_on, "127.0.0.1", port):
        yield f"http://127.0.0.1:{port}"


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
