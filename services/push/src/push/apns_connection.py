"""Connections to APNs that are kept open, and survive requests that are given up.

aioapns does the HTTP/2; what is changed of it here, and why:
- the host, the port and the provider token are given, and shared, not one token a connection;
- an idle connection is kept for an hour, not for 10 s (Apple: "keep your connections open");
- the headers are the caller's, so that `apns-expiration` is the same time on every attempt;
- a request whose sender stopped waiting frees its stream. In aioapns its late answer, or the end of the
  connection, raises InvalidStateError, and everybody else on the connection waits for ever;
- a connection that is closing takes no new requests, and sends nobody's requests a second time.
"""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

from aioapns.common import NotificationResult
from aioapns.connection import APNsBaseConnectionPool, APNsTLSClientProtocol
from aioapns.exceptions import ConnectionClosed
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated
from h2.exceptions import FlowControlError, H2Error, NoAvailableStreamIDError, ProtocolError

Headers = Sequence[tuple[str, str]]


class ApnsConnection(APNsTLSClientProtocol):
    """One HTTP/2 connection to one host."""

    INACTIVITY_TIME = 3600

    def __init__(self, host: str, pool: "ApnsPool") -> None:
        super().__init__("", pool.loop)
        self.host, self._pool = host, pool
        self.lost: asyncio.Future[None] = pool.loop.create_future()
        self._heard_at = 0.0

    async def post(self, token: str, apns_id: str, headers: Headers, body: bytes) -> NotificationResult:
        """Send one notification and wait for its answer. ConnectionClosed or an H2Error when none can
        come; may be cancelled."""
        stream = await self.free_channels.acquire()
        if len(body) > self.conn.outbound_flow_control_window:
            self.free_channels.release()
            raise FlowControlError("APNs does not read")
        asked_at = self.loop.time()
        answer: asyncio.Future[NotificationResult] = self.loop.create_future()
        try:
            self._write(stream, token, [("apns-id", apns_id), *headers], body)
            self.requests[apns_id], self.request_streams[stream] = answer, apns_id
            return await answer
        except (asyncio.CancelledError, H2Error):
            self._give_up(stream, apns_id, asked_at)
            raise

    def _write(self, stream: int, token: str, headers: Headers, body: bytes) -> None:
        path = [(":method", "POST"), (":scheme", "https"), (":path", f"/3/device/{token}")]
        self.conn.send_headers(stream, [*path, (":authority", self.host), *headers])
        self.conn.send_data(stream, body, end_stream=True)
        self.flush()

    def _give_up(self, stream: int, apns_id: str, asked_at: float) -> None:
        self.request_streams.pop(stream, None)
        self.request_statuses.pop(apns_id, None)
        self.requests.pop(apns_id, None)
        if self._heard_at < asked_at and self.transport:
            # Not a word since: the connection may be dead without knowing. The next push opens another.
            self.transport.abort()
            return
        with suppress(ProtocolError):  # it has just been answered: nothing is left to free
            self.conn.reset_stream(stream, ErrorCodes.CANCEL)
            self.free_channels.release()
            self.flush()

    def on_connection_terminated(self, event: ConnectionTerminated) -> None:
        """GOAWAY. Closing in order could take 30 s, in which nobody on it would learn to send again."""
        if self.transport:
            self.transport.abort()

    @property
    def is_busy(self) -> bool:
        return self.transport is None or self.transport.is_closing() or super().is_busy

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        self._forget_cancelled()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_cancelled()
        self._pool.discard_connection(self)
        if not self.lost.done():
            self.lost.set_result(None)
        super().connection_lost(exc)

    def _forget_cancelled(self) -> None:
        self.requests = {key: answer for key, answer in self.requests.items() if not answer.done()}


class ApnsPool(APNsBaseConnectionPool):
    """The open connections to one host: at most `max_connections`, made when first needed."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext, max_connections: int) -> None:
        super().__init__(max_connections=max_connections)
        self._host, self._port, self._tls = host, port, tls

    async def create_connection(self) -> ApnsConnection:
        _, connection = await self.loop.create_connection(
            lambda: ApnsConnection(self._host, self), self._host, self._port, ssl=self._tls
        )
        if connection.lost.done():
            raise ConnectionClosed("closed at once")
        return connection

    async def post(self, token: str, apns_id: str, headers: Headers, body: bytes) -> NotificationResult:
        """`ApnsConnection.post` on a connection with room; ConnectionError when none can be made."""
        connection = cast("ApnsConnection", await self.acquire())
        try:
            return await connection.post(token, apns_id, headers, body)
        except NoAvailableStreamIDError:  # after 2^30 pushes; its successor starts from 1
            connection.close()
            raise

    def discard_connection(self, connection: Any) -> None:
        if connection in self.connections:
            super().discard_connection(connection)

    async def aclose(self) -> None:
        """Close all connections and wait a moment for their goodbyes."""
        lost = [connection.lost for connection in self.connections if isinstance(connection, ApnsConnection)]
        self.close()
        if lost:
            await asyncio.wait(lost, timeout=1)
