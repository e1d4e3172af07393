"""What comes in from the network at all: before a frame reaches the Socket.IO engine it passes here.

An ASGI app around the reference engine's. New connections are refused with 503 while the house is full or
closed, so that clients try again by themselves. Of an open WebSocket only text frames of Engine.IO's packet
types pass, and no faster than `frames_per_second`: a client that floods is read more slowly, and TCP holds it
back.
"""

import asyncio
from dataclasses import dataclass
from urllib.parse import parse_qs

import structlog
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from realtime.address import address_of
from realtime.engine import Handlers
from realtime.limits import Bucket
from realtime.settings import Settings
from wire.http import problem_response

log = structlog.get_logger()

PATH = "/socket.io/"
PACKET_TYPES = frozenset("0123456")
UNKNOWN_TRANSPORT = {"code": 0, "message": "Transport unknown"}
"""Engine.IO's own answer to one that is not offered."""
UNSUPPORTED = 1003
"""RFC 6455, 7.4.1. To the engine it looks as if the client had left; it then closes."""


@dataclass(eq=False)
class Entry:
    """One transport that was let in, until the engine has opened it and answers for its end."""

    address: str
    opened: bool = False


class Door:
    """Asks `handlers.opening` about everyone new."""

    def __init__(
        self,
        engine: ASGIApp,
        others: ASGIApp,
        handlers: Handlers,
        settings: Settings,
        frames_per_second: float,
    ) -> None:
        self._engine, self._others, self._handlers = engine, others, handlers
        self._settings, self._rate = settings, frames_per_second

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"} or not f"{scope['path']}/".startswith(PATH):
            await self._others(scope, receive, send)
            return
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if query.get("transport", ["polling"])[0] == "polling" and "polling" not in self._settings.transports:
            await JSONResponse(UNKNOWN_TRANSPORT, 400)(scope, receive, send)
            return
        if "sid" in query:
            await self._pass_on(scope, receive, send)
            return
        entry = Entry(address_of(scope, self._settings))
        if code := self._handlers.opening(entry.address):
            await _unavailable(scope, receive, send, code)
            return
        scope["waggle.entry"] = entry
        try:
            await self._pass_on(scope, receive, send)
        finally:
            if not entry.opened:
                self._handlers.closed(entry.address)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        watched = self._watched(receive) if scope["type"] == "websocket" else receive
        try:
            await self._engine(scope, watched, send)
        except Exception as error:  # what a client sent out of order; the engine has no answer to it
            log.info("door.engine_gave_up", error=repr(error))

    def _watched(self, receive: Receive) -> Receive:
        bucket = Bucket(self._rate)

        async def receive_watched() -> Message:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            text = message.get("text")
            if not text or text[0] not in PACKET_TYPES:  # binary has no text
                log.info("door.hung_up", frame=str(text)[:20])
                return {"type": "websocket.disconnect", "code": UNSUPPORTED}
            if not bucket.take():
                await asyncio.sleep(bucket.wait())
                bucket.take()
            return message

        return receive_watched


async def _unavailable(scope: Scope, receive: Receive, send: Send, code: str) -> None:
    response = problem_response(code, "No new connections just now; try again later", 503)
    response.headers["Retry-After"] = "2"
    await response(scope, receive, send)
