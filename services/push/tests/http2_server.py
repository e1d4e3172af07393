"""A push service of a few lines, over real HTTP/2: for what happens on one connection."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RequestReceived
from h2.settings import SettingCodes

from standins.certificates import certificates_in

HOST = "127.0.0.1"
WINDOW = 65_535
"""Bytes that either side may send until the other has acknowledged some (RFC 9113, 6.9.2)."""
HANGING = "cd" * 32
"""A device about which the server says nothing, or nothing yet."""
Answer = Callable[[H2Connection, Event], Awaitable[None] | None]


@asynccontextmanager
async def answering(state: Path, answer: Answer, streams: int) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    """Its port, and how a client trusts it. The protocol's first window, and so many streams at a time."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conn = H2Connection(H2Configuration(client_side=False))
        conn.initiate_connection()
        conn.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: streams})
        while data := await reader.read(WINDOW):
            for event in conn.receive_data(data):
                if (at_last := answer(conn, event)) is not None:
                    await at_last
            writer.write(conn.data_to_send())
        writer.close()

    certificates = certificates_in(state, HOST)
    tls = ssl.create_default_context(cafile=certificates.ca_file)
    tls.set_alpn_protocols(["h2"])
    async with await asyncio.start_server(serve, HOST, 0, ssl=certificates.server_context()) as server:
        yield server.sockets[0].getsockname()[1], tls


def take(conn: H2Connection, event: Event) -> None:
    """200 to every request, as soon as its headers are there."""
    if isinstance(event, RequestReceived):
        given = dict(event.headers)
        its_id = [("apns-id", given[b"apns-id"])] if b"apns-id" in given else []
        conn.send_headers(event.stream_id, [(":status", "200"), *its_id], end_stream=True)
    if isinstance(event, DataReceived):
        conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)


@dataclass
class Clock:
    """Seconds since 1970, which pass when the test says so."""

    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Held:
    """A server that answers about one device only when it is let go on."""

    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    holds: asyncio.Event = field(default_factory=asyncio.Event)
    tokens: list[str] = field(default_factory=list)
    known: set[H2Connection] = field(default_factory=set)

    @property
    def connections(self) -> int:
        """How many it has had so far."""
        return len(self.known)

    async def take(self, conn: H2Connection, event: Event) -> None:
        if isinstance(event, RequestReceived):
            token = dict(event.headers)[b":path"].decode().rpartition("/")[2]
            self.tokens.append(token)
            self.known.add(conn)
            if token == HANGING:
                self.holds.set()
                await self.go_on.wait()
        take(conn, event)
