"""The ASGI app: Engine.IO's long-polling at its path, and another app beside it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from sio import packets
from sio.answers import BAD_METHOD, BAD_REQUEST, UNKNOWN_SESSION, Answer
from sio.connection import Connection
from sio.origins import cors_headers, is_allowed
from sio.polling import Poll
from sio.request import AddressOf, Query, objection, read_query, resume
from sio.server import Server

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CLOSE = (("Connection", "close"),)  # the rest of the body is not read
TOO_LARGE = Answer(413, b"Too large", headers=CLOSE)
TOO_SLOW = Answer(408, b"Too slow", headers=CLOSE)
OK = Answer(200, b"ok", "text/html")


class TooLargeError(Exception):
    """The body of a request."""


class GoneError(Exception):
    """The client has ended its request."""


class PollingApp:
    """HTTP of the sessions that poll. Everything that is not at Engine.IO's path goes to `others`."""

    def __init__(self, server: Server, others: App, address_of: AddressOf) -> None:
        self._server, self._others, self._address_of = server, others, address_of
        self._path = server.limits.path.rstrip("/") + "/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not f"{scope['path']}/".startswith(self._path):
            await self._others(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        origin, method = headers.get(b"origin"), scope["method"]
        if not is_allowed(origin, headers.get(b"host"), self._server.limits.origins):
            await _send(send, Answer(400, b"Not an accepted origin"), ())
            return
        cors = cors_headers(origin, headers.get(b"access-control-request-headers"), method == "OPTIONS")
        with contextlib.suppress(GoneError):
            await _send(send, await self._answer(method, scope, headers, receive), cors)

    async def _answer(self, method: str, scope: Scope, headers: dict[bytes, str], receive: Receive) -> Answer:
        if method == "OPTIONS":
            return Answer(204)
        query = read_query(scope["query_string"])
        wrong = objection(query, "polling", self._server.limits.transports)
        if wrong is not None:
            return wrong
        if query.session is None:
            return self._open(scope, headers) if method == "GET" else BAD_METHOD
        return await self._resume(method, query, headers, receive)

    def _open(self, scope: Scope, headers: dict[bytes, str]) -> Answer:
        peer = scope["client"][0] if scope.get("client") else ""
        forwarded = [
            value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"
        ]
        address = self._address_of(peer, ",".join(forwarded) if forwarded else None)
        if refusal := self._server.refusal(address):
            return refusal
        poll = Poll(self._server.limits.slow_bytes)
        poll.connection = self._server.open(poll, address, ["websocket"])
        return Answer(200, poll.take() or b"")

    async def _resume(self, method: str, query: Query, headers: dict[bytes, str], receive: Receive) -> Answer:
        found = resume(self._server, query)
        if isinstance(found, Answer):
            return found
        if not isinstance(found.transport, Poll):
            return BAD_REQUEST
        if method == "GET":
            return await _get(found, found.transport, receive)
        if method != "POST" or headers.get(b"content-type") == "application/octet-stream":
            found.end("bad_request")
            return BAD_REQUEST
        return await self._post(found, found.transport, receive)

    async def _post(self, connection: Connection, poll: Poll, receive: Receive) -> Answer:
        if poll.posting:
            connection.end("overlap")
            return BAD_REQUEST
        poll.posting = True
        limits = self._server.limits
        try:
            async with asyncio.timeout(limits.connect_seconds):
                body = await _body(receive, limits.message_bytes)
        except TooLargeError:
            connection.end("too_large")
            return TOO_LARGE
        except TimeoutError:
            connection.end("unsent")
            return TOO_SLOW
        except GoneError:
            connection.end("client")
            raise
        finally:
            poll.posting = False
        return await self._bring(connection, poll, body)

    async def _bring(self, connection: Connection, poll: Poll, body: bytes) -> Answer:
        """Answered when all that it brought is handled: so a client cannot send faster than we handle."""
        poll.posting = True
        for packet in packets.split_payload(body):
            connection.receive(packet)
        settled = asyncio.Event()
        connection.call_when_settled(settled.set)
        try:
            await settled.wait()
        finally:
            poll.posting = False
        return OK if connection.lost_for in {None, "client"} else BAD_REQUEST


async def _get(connection: Connection, poll: Poll, receive: Receive) -> Answer:
    if poll.getting:
        connection.end("overlap")
        return BAD_REQUEST
    poll.getting = True
    try:
        if not poll.due:
            await _until_something(connection, poll, receive)
    finally:
        poll.getting = False
    body = poll.take()
    return UNKNOWN_SESSION if body is None else Answer(200, body)


async def _until_something(connection: Connection, poll: Poll, receive: Receive) -> None:
    """Raises `GoneError` if the client ends its request before."""
    something = asyncio.ensure_future(poll.something())
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({something, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not something.done():
            connection.end("client")
            raise GoneError
    finally:
        something.cancel()
        gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Receive, most: int) -> bytes:
    """Raises `TooLargeError` as soon as it is, and `GoneError`."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GoneError
        body += message.get("body", b"")
        if len(body) > most:
            raise TooLargeError
        if not message.get("more_body", False):
            return bytes(body)


async def _send(send: Send, answer: Answer, more: tuple[tuple[str, str], ...]) -> None:
    headers = [
        ("Content-Type", answer.content_type),
        ("Content-Length", str(len(answer.body))),
        ("Cache-Control", "no-store"),
        *answer.headers,
        *more,
    ]
    start = {
        "type": "http.response.start",
        "status": answer.status,
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
    }
    await send(start)
    await send({"type": "http.response.body", "body": answer.body})
