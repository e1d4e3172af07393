"""What uvicorn is given as `ws=` and `http=`: which protocol reads a TCP connection.

uvicorn's HTTP protocol reads the whole request; for an upgrade it makes a `ws=` protocol, tells it of the
connection, and feeds it the request again. A refusal is answered as HTTP there, before the upgrade.
"""

import asyncio
import logging
from typing import Any

from picows import WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener
from picows.picows import WSAutoPingStrategy, WSProtocol  # type: ignore[attr-defined]
from uvicorn.protocols.http.h11_impl import H11Protocol

from sio.answers import BAD_METHOD, BAD_REQUEST, Answer
from sio.origins import is_allowed
from sio.polling import Poll
from sio.request import AddressOf, Query, objection, read_query, resume
from sio.server import Server
from sio.websocket import WebSocket

FORBIDDEN = Answer(403, b"Not an accepted origin")
NOT_FOUND = Answer(404, b"Not found")
SMALLEST_BUFFER = 2048
"""Bytes read at once; picows makes it larger for a client that needs it."""

log = logging.getLogger("sio")


class _Quiet:
    """What picows logs: each connection, what clients send wrong, and our own faults; only those are kept."""

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802  # as Logger has it
        return False

    def log(self, *_message: object) -> None: ...

    debug = info = warning = error = log

    def exception(self, message: str, *arguments: object) -> None:
        log.exception(message, *arguments)


_QUIET = _Quiet()


class WebSocketProtocol(WSProtocol):  # type: ignore[misc]  # picows does not say its types
    """One TCP connection that has asked for an upgrade."""

    def __init__(self, server: Server, address_of: AddressOf, *, server_state: Any, **_uvicorn: Any) -> None:
        super().__init__(
            host_port=None,
            ws_path=None,
            is_client_side=False,
            ws_listener_factory=self._upgrade,
            logger=_QUIET,
            disconnect_on_exception=True,
            websocket_handshake_timeout=None,  # the whole request is here already
            enable_auto_ping=False,  # heartbeats are Engine.IO's
            auto_ping_idle_timeout=None,
            auto_ping_reply_timeout=None,
            auto_ping_strategy=WSAutoPingStrategy.PING_WHEN_IDLE,
            enable_auto_pong=False,  # a flood of pings is not to be answered unseen
            max_frame_size=server.limits.message_bytes,
            extra_headers=None,
            read_buffer_init_size=SMALLEST_BUFFER,
        )
        self._server, self._address_of = server, address_of
        self._peers = server_state.connections
        self._peer = ""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._peers.add(self)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else ""
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """The request, once more."""
        rest = memoryview(data)
        while rest and not self.transport.underlying_transport.is_closing():
            room = self.get_buffer(len(rest))
            size = min(len(room), len(rest))
            room[:size] = rest[:size]
            self.buffer_updated(size)
            rest = rest[size:]

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._peers.discard(self)
        if self.listener is not None:
            self.listener.gone()  # picows says nothing of one whose handshake failed after it was let in

    def shutdown(self) -> None:
        """uvicorn ends."""
        if self.listener is not None:
            self.listener.abort()
        else:
            self.transport.disconnect()

    def _upgrade(self, request: WSUpgradeRequest) -> Any:
        found = self._listener_or_refusal(request)
        if isinstance(found, WebSocket):
            return found
        headers = {"Content-Type": found.content_type, **dict(found.headers)}
        response = WSUpgradeResponse.create_error_response(found.status, found.body, headers)
        return WSUpgradeResponseWithListener(response, None)

    def _listener_or_refusal(self, request: WSUpgradeRequest) -> WebSocket | Answer:
        path, _, query_string = request.path.partition(b"?")
        limits, headers = self._server.limits, request.headers
        if path.rstrip(b"/") != limits.path.rstrip("/").encode():
            return NOT_FOUND
        if not is_allowed(headers.get("Origin"), headers.get("Host"), limits.origins):
            return FORBIDDEN
        query = read_query(query_string)
        wrong = objection(query, "websocket", limits.transports)
        wrong = wrong or (BAD_METHOD if request.method != b"GET" else None)
        if wrong is not None:
            return wrong
        return self._let_in(request) if query.session is None else self._probe(query)

    def _probe(self, query: Query) -> WebSocket | Answer:
        found = resume(self._server, query)
        if isinstance(found, Answer):
            return found
        can_move = isinstance(found.transport, Poll) and found.transport.can_move
        return WebSocket(self._server, found.address, found) if can_move else BAD_REQUEST

    def _let_in(self, request: WSUpgradeRequest) -> WebSocket | Answer:
        forwarded = request.headers.getall("X-Forwarded-For", [])
        address = self._address_of(self._peer, ",".join(forwarded) if forwarded else None)
        refusal = self._server.refusal(address)
        return WebSocket(self._server, address, None) if refusal is None else refusal


class PatientHttpProtocol(H11Protocol):
    """uvicorn's own, but a client that does not send a whole request in `connect_seconds` is hung up on."""

    def __init__(self, server: Server, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._server = server

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._server.requesting.remove(self._give_up)
        elif self._give_up not in self._server.requesting and self.transport.get_protocol() is self:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.requesting.remove(self._give_up)
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._server.requesting.remove(self._give_up)
        super().handle_websocket_upgrade(event)

    def _expect(self) -> None:
        self._server.requesting.add(self._give_up, self._server.now())
        self._server.tick()

    def _give_up(self) -> None:
        self.transport.close()
