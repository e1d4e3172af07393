"""The Socket.IO engine on our own library: what the edge says, in the words of `sio`, and back."""

from collections.abc import Collection
from functools import partial
from typing import Any

import structlog
from starlette.types import ASGIApp

from contracts.requests import Problem
from realtime.address import client_address
from realtime.engine import Handlers, Handshake
from realtime.metrics import SOCKETS_ENDED
from realtime.settings import Settings
from sio.answers import Answer, unavailable
from sio.asgi import PollingApp
from sio.callbacks import Callbacks, HangUpError, RefusedError, TypedEvent
from sio.handover import PatientHttpProtocol, WebSocketProtocol
from sio.server import Server
from sio.settings import Limits
from wire.problem import ProblemError

log = structlog.get_logger()


class FastEngine:
    """An `Engine`, the one that serves unless the settings name another."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._server = Server(_limits(settings))
        self.join, self.leave = self._server.rooms.join, self._server.rooms.leave
        self.disconnect, self.hang_up = self._server.disconnect, self._server.hang_up

    def serve(self, handlers: Handlers) -> None:
        """Call these from now on."""
        self._server.serve(
            Callbacks(
                connect=partial(_connect, handlers),
                event=handlers.event,
                disconnect=handlers.disconnect,
                typed={name: TypedEvent(typed.type, typed.do) for name, typed in handlers.typed.items()},
                opening=partial(_opening, handlers),
                closed=handlers.closed,
                ended=_ended,
            )
        )

    def serving(self, others: ASGIApp) -> tuple[ASGIApp, dict[str, Any]]:
        """What uvicorn runs, `others` beside the sockets, and the options it needs for that."""
        options = {
            "ws": partial(WebSocketProtocol, self._server, self._address_of),
            "http": partial(PatientHttpProtocol, self._server),
            "proxy_headers": False,  # we look at them ourselves
        }
        return PollingApp(self._server, others, self._address_of), options

    def open_sockets(self) -> int:
        """Transports that are open."""
        return len(self._server.connections)

    async def emit(
        self,
        rooms: Collection[str],
        event: str,
        payload: object,
        *,
        offset: str | None = None,
        skip: Collection[str] = (),
        newest: str | None = None,
    ) -> None:
        self._server.emit(rooms, event, payload, offset=offset, skip=skip, newest=newest)

    async def drain(self, seconds: float) -> None:
        """Hang up on everybody, a few at a time; clients come back by themselves, to another edge."""
        await self._server.drain(seconds)

    async def close(self) -> None:
        """Hang up on everybody; clients come back by themselves, to another edge or to our successor."""
        await self._server.close()

    def _address_of(self, peer: str, forwarded_for: str | None) -> str:
        return client_address(peer, forwarded_for, self._settings.trusted_proxies)


def _limits(settings: Settings) -> Limits:
    return Limits(
        message_bytes=settings.max_message_bytes,
        frames_per_second=settings.frames_per_event * settings.events_per_second,
        connect_seconds=settings.connect_seconds,
        ping_interval=settings.ping_interval_seconds,
        ping_timeout=settings.ping_timeout_seconds,
        finish_seconds=settings.finish_seconds,
        transports=settings.transports,
        send_buffer_bytes=settings.send_buffer_bytes,
        origins=settings.cors_origins,
    )


async def _connect(handlers: Handlers, socket: str, auth: object, address: str) -> str | None:
    try:
        return (await handlers.connect(socket, Handshake(auth, address))).pid
    except ProblemError as refusal:
        problem = refusal.problem
    except Exception:
        log.exception("socket.connect_failed")
        problem = Problem(code="internal", message="Something went wrong on our side", status=500)
    if problem.status >= 500:  # noqa: PLR2004
        raise HangUpError
    raise RefusedError(problem.message, {"code": problem.code, "message": problem.message})


def _opening(handlers: Handlers, address: str) -> Answer | None:
    code = handlers.opening(address)
    return unavailable(code, "No new connections just now; try again later") if code else None


def _ended(reason: str) -> None:
    SOCKETS_ENDED.labels(reason).inc()
