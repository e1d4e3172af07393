"""HTTP/2 over TLS as push services frame it (RFC 9113, by the h2 library).

An ASGI server would do but for three things. APNs answers 200 by one HEADERS frame with END_STREAM, and a
refusal by one HEADERS and one DATA frame; Hypercorn ends each with an empty DATA frame, on which aioapns 4
drops the connection. And a push service resets connections and ends them by GOAWAY, which ASGI cannot say.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from starlette.datastructures import Headers

from standins.request import Request

MAX_HEADER_LIST_SIZE = 8000
"""As seen from APNs; the windows are the RFC's 65,535."""

KEPT_BODY_BYTES = 16_384
"""More of a body is acknowledged but not kept: the largest payloads allowed are 4,096 and 5,120 bytes."""

LINGER_ZERO = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 s: closing sends RST and drops what is unsent."""

TLS_FAREWELL_S = 1.0
"""How long a sender may take to end TLS in order before it is cut off."""

Handle = Callable[[Request, "Stream"], Awaitable[None]]


class Stream:
    """One request on its way in, and the way its answer goes out."""

    def __init__(self, connection: "Connection", stream_id: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.connection = connection
        self._id = stream_id
        self._pseudo = {name: value for name, value in headers if name.startswith(b":")}
        self._headers = [(name, value) for name, value in headers if not name.startswith(b":")]
        self._body = bytearray()
        self.task: asyncio.Future[None] | None = None

    def feed(self, data: bytes) -> None:
        self._body += data[: KEPT_BODY_BYTES - len(self._body)]

    def request(self) -> Request:
        method, path = (self._pseudo.get(name, b"").decode("latin-1") for name in (b":method", b":path"))
        return Request(method, path.partition("?")[0], Headers(raw=self._headers), bytes(self._body))

    def reply(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        """Answer: one HEADERS frame, and one DATA frame if there is a body."""
        self.connection.reply(self._id, [(":status", str(status)), *headers.items()], body)


class Connection(asyncio.Protocol):
    """One sender's connection: each whole request becomes a task, cancelled if the sender goes."""

    def __init__(self, number: int, handle: Handle, streams: int, connections: set["Connection"]) -> None:
        self.number = number
        self._handle = handle
        self._connections = connections
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        settings = {
            SettingCodes.MAX_CONCURRENT_STREAMS: streams,
            SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEADER_LIST_SIZE,
        }
        self._h2.local_settings = Settings(client=False, initial_values=settings)
        self._streams: dict[int, Stream] = {}
        self._waiting_bodies: dict[int, bytes] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        self._h2.initiate_connection()
        self._flush()

    def connection_lost(self, _error: Exception | None) -> None:
        self._connections.discard(self)
        for stream_id in list(self._streams):
            self._forget(stream_id)

    def data_received(self, data: bytes) -> None:
        try:
            for event in self._h2.receive_data(data):
                self._take(event)
        except ProtocolError:
            # h2 has written the GOAWAY that says what was wrong.
            self._flush()
            self._transport.close()
            return
        self._flush()

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=int(stream_id)):
                self._streams[stream_id] = Stream(self, stream_id, event.headers or [])
            case DataReceived(stream_id=int(stream_id)):
                self._h2.acknowledge_received_data(event.flow_controlled_length or 0, stream_id)
                if stream := self._streams.get(stream_id):
                    stream.feed(event.data or b"")
            case StreamEnded(stream_id=int(stream_id)):
                if stream := self._streams.get(stream_id):
                    stream.task = asyncio.ensure_future(self._handle(stream.request(), stream))
                    stream.task.add_done_callback(self._handled)
            case StreamReset(stream_id=int(stream_id)):
                self._forget(stream_id)
            case WindowUpdated() | RemoteSettingsChanged():
                self._send_waiting_bodies()
            case ConnectionTerminated():
                self._transport.close()

    def _forget(self, stream_id: int) -> None:
        self._waiting_bodies.pop(stream_id, None)
        stream = self._streams.pop(stream_id, None)
        if stream is not None and stream.task is not None:
            stream.task.cancel()

    def _handled(self, task: asyncio.Future[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            # A request nobody answers would keep its sender waiting for nothing.
            asyncio.get_running_loop().call_exception_handler(
                {"message": "push not handled", "exception": error}
            )
            self.abort()

    def reply(self, stream_id: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self._streams.pop(stream_id, None)
        # The sender may have gone while the answer was made.
        with suppress(ProtocolError):
            self._h2.send_headers(stream_id, headers, end_stream=not body)
            if body:
                self._waiting_bodies[stream_id] = body
            self._send_waiting_bodies()
        self._flush()

    def _send_waiting_bodies(self) -> None:
        """Send the bodies that fit the sender's window; those of a sender that opens none wait."""
        for stream_id, body in list(self._waiting_bodies.items()):
            # FlowControlError: it has to wait. StreamClosedError: reset, the event is still to come.
            with suppress(ProtocolError):
                self._h2.send_data(stream_id, body, end_stream=True)
                del self._waiting_bodies[stream_id]

    def _flush(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._h2.data_to_send())

    def reset(self) -> None:
        """End it with a TCP RST: requests in flight get no answer."""
        sock: socket.socket = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self.abort()

    def go_away(self, debug_data: bytes = b"") -> None:
        """Send GOAWAY (RFC 9113 §6.8) and hang up.

        Requests in flight get no answer and are not named as unprocessed: their sender has to repeat them.
        """
        with suppress(ProtocolError):
            self._h2.close_connection(additional_data=debug_data or None)
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()


@asynccontextmanager
async def listening(
    handle: Handle,
    host: str,
    port: int,
    tls: ssl.SSLContext,
    *,
    streams: int,
    farewell: bytes = b"",
) -> AsyncIterator[int]:
    """Hand every request to `host:port` (0 picks one) to `handle`, yield the port. OSError if it is taken.

    `streams`: how many requests a connection may have under way. `farewell`: what the last GOAWAY carries.
    """
    connections: set[Connection] = set()
    numbers = count(1)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(next(numbers), handle, streams, connections),
        host,
        port,
        ssl=tls,
        ssl_shutdown_timeout=TLS_FAREWELL_S,
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(connections):
            connection.go_away(farewell)
            connection.abort()
        await server.wait_closed()
