"""Around every HTTP request: its span, its figures, and what no route should have to look at."""

import asyncio
import time
from contextlib import suppress
from http import HTTPStatus

import structlog
from opentelemetry import propagate, trace
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.requests import Problem
from wire.metrics import HTTP_SECONDS
from wire.strict_json import flaw

log = structlog.get_logger()
tracer = trace.get_tracer("wire")

DISCARD_BYTES = 8 * 1024 * 1024
DISCARD_SECONDS = 5.0
"""How much of a body that is too long is still read, and for how long, before it is refused."""

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
"""A client may invent others, and each would be a time series of its own."""
_UNWATCHED = {"/livez", "/readyz", "/metrics"}
_TOO_LARGE = Problem(code="body_too_large", message="The body is longer than this service takes", status=413)
_ENDING = Problem(code="unavailable", message="The service is ending; try again", status=503)
_BAD_URL = Problem(code="bad_request", message="The address has a NUL in it", status=400)


class _GoneError(Exception):
    """The asker hung up before its body was whole."""


class Guard:
    """ASGI middleware. A body longer than `max_body` bytes is answered 413, also when it comes in chunks;
    one that is JSON in Python's eyes only, 400 or 422 (wire.strict_json)."""

    def __init__(self, app: ASGIApp, service: str, max_body: int) -> None:
        self._app, self._service, self._max_body = app, service, max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _UNWATCHED:
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        started, status, answered = time.perf_counter(), 500, False

        async def watched_send(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], True
            await send(message)

        with tracer.start_as_current_span(
            f"{scope['method']} {scope['path']}",
            context=propagate.extract(headers),
            kind=trace.SpanKind.SERVER,
        ) as span:
            try:
                await self._checked(scope, receive, watched_send, headers)
            except asyncio.CancelledError:
                # The server cancels what outlasts its drain, and left to itself answers 500.
                if answered:
                    raise
                await _refuse(_ENDING, scope, receive, watched_send)
            finally:  # an unexpected exception is answered 500 further out
                span.set_attribute("http.response.status_code", status)
                route = getattr(scope.get("route"), "path", "unrouted")
                seconds = time.perf_counter() - started
                method = scope["method"] if scope["method"] in _METHODS else "other"
                HTTP_SECONDS.labels(method, route, str(status)).observe(seconds)
                log.debug("http.answered", method=method, route=route, status=status, seconds=seconds)

    async def _checked(self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str]) -> None:
        if b"%00" in scope.get("raw_path", b"") + scope["query_string"]:
            await _refuse(_BAD_URL, scope, receive, send)
            return
        declared = headers.get("content-length", "0")
        try:
            known = declared.isdigit() and int(declared) <= self._max_body
            body, more = await self._read(receive) if known else (None, "expect" not in headers)
        except _GoneError:
            return
        if body is None:
            if more:
                await _discard(receive)
            await _refuse(_TOO_LARGE, scope, receive, send)
        elif problem := flaw(body):  # whatever its type says: every route takes JSON
            await _refuse(problem, scope, receive, send)
        else:
            await self._app(scope, _again(body, receive), send)

    async def _read(self, receive: Receive) -> tuple[bytes | None, bool]:
        """The whole body, or None if it is too long; and whether there is more of it to come."""
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _GoneError
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._max_body:
                return None, more
        return bytes(body), False


def _again(body: bytes, receive: Receive) -> Receive:
    """`receive`, with the body that was taken from it put back in front."""
    taken = False

    async def first_the_body() -> Message:
        nonlocal taken
        if taken:
            return await receive()
        taken = True
        return {"type": "http.request", "body": body, "more_body": False}

    return first_the_body


async def _discard(receive: Receive) -> None:
    """Read on for a while: closing on bytes unread resets the connection, and the answer is lost with it."""
    taken, more = 0, True
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            while more and taken < DISCARD_BYTES:
                message = await receive()
                taken += len(message.get("body", b""))
                more = message.get("more_body", False)


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.message,
        "code": problem.code,
    }
    # Closed, for there may be more of the body on its way.
    headers = {"connection": "close"} if problem is _TOO_LARGE else None
    response = JSONResponse(body, problem.status, headers, media_type="application/problem+json")
    await response(scope, receive, send)
