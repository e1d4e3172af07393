"""The Socket.IO engine on python-socketio: the only file that knows it."""

# mypy: disable-error-code="no-untyped-call"

import asyncio
import contextlib
import logging
import random
from collections.abc import Collection, Mapping
from typing import Any

import engineio
import msgspec
import socketio
import structlog
from engineio.payload import Payload as PollingPayload
from socketio import packet
from socketio.exceptions import ConnectionRefusedError as ConnectError
from starlette.types import ASGIApp

from contracts.requests import Problem
from realtime.door import Door, Entry
from realtime.engine import Ack, Handlers, Handshake
from realtime.settings import Settings
from wire.problem import ProblemError

log = structlog.get_logger()

POLLING_BURST = 4096
"""Packets in one polling body, which is bounded in bytes. The library drops one of more than 16, unsaid."""


class _Packet(packet.Packet):
    """Text only, and no event may carry a name of the library's own: it would call our handlers with it.

    The answer to a CONNECT names the `pid` of a socket that can be recovered, which the library does not do.
    """

    pids: Mapping[str, str] = {}  # of the engine whose class this is

    def encode(self) -> Any:
        if (
            self.packet_type == packet.CONNECT
            and isinstance(self.data, dict)
            and self.data.get("sid") in self.pids
        ):
            self.data = {**self.data, "pid": self.pids[self.data["sid"]]}
        return super().encode()

    def decode(self, encoded_packet: Any) -> int:
        if not isinstance(encoded_packet, str):
            raise ValueError("binary")  # noqa: TRY004  # one kind of bad packet among others
        super().decode(encoded_packet)
        if self.packet_type not in {packet.CONNECT, packet.DISCONNECT, packet.EVENT, packet.ACK}:
            raise ValueError(f"packet type {self.packet_type}")
        if self.packet_type == packet.EVENT:
            named = isinstance(self.data, list) and self.data and isinstance(self.data[0], str)
            if not named or self.data[0] in {"connect", "disconnect", "connect_error", "*"}:
                raise ValueError("an event without a name of its own")
        return 0


class _Manager(socketio.AsyncManager):
    """Keeps back what is emitted to a socket until its CONNECT was answered; some clients drop it else.

    `pids`: of the sockets that can be recovered.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[str, list[tuple[str, object, str | None]]] = {}
        self.pids: dict[str, str] = {}

    async def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        sid: str | None = await super().pre_connect(eio_sid, namespace)
        if sid is not None:
            self._kept[sid] = []
        return sid

    async def tell(
        self, rooms: list[str], skip: Collection[str], event: str, payload: object, offset: str | None
    ) -> None:
        """To everybody in `rooms` once; the offset only to those who can make use of it."""
        inside = {sid for sid, _ in self.get_participants("/", rooms)} - set(skip)
        for sid in inside & self._kept.keys():
            self._kept[sid].append((event, payload, offset))
        live = inside - self._kept.keys()
        recoverable = live & self.pids.keys() if offset else set[str]()
        for told, arguments in ((live - recoverable, (payload,)), (recoverable, (payload, offset))):
            if told:
                await super().emit(event, arguments, "/", room=list(told))

    async def connect(self, sid: str, namespace: str) -> str:
        connected: str = await super().connect(sid, namespace)
        while kept := self._kept.get(sid):
            event, payload, offset = kept.pop(0)
            arguments = (payload, offset) if offset and sid in self.pids else (payload,)
            await super().emit(event, arguments, namespace, room=sid)
        self._kept.pop(sid, None)
        eio_sid = self.eio_sid_from_sid(sid, namespace)
        server: Any = self.server
        transport = server.eio.sockets.get(eio_sid)
        if transport is None or transport.closed:  # it left while it was let in, unnoticed by the library
            await server.disconnect(sid, namespace=namespace)
        return connected

    async def disconnect(self, sid: str, namespace: str, **options: Any) -> None:
        self._kept.pop(sid, None)
        self.pids.pop(sid, None)
        await super().disconnect(sid, namespace, **options)


class _EngineIo(engineio.AsyncServer):
    """Ends a transport without waiting for its client to fetch what is queued: one that never does would
    hold the request that was being answered, for ever."""

    async def disconnect(self, sid: str | None = None) -> None:
        transport = self.sockets.get(sid)
        if transport is not None and not transport.closed:
            await transport.close(wait=False)


class _Server(socketio.AsyncServer):
    def _engineio_server_class(self) -> type[_EngineIo]:
        return _EngineIo


class SocketIoEngine:
    """An `Engine`, the reference. Events of one socket are handled one after the other.

    What waits for a slow reader is bounded only by its ping timeout here, and `newest` is not made use of.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._manager = _Manager()
        self._addresses: dict[str, str] = {}
        PollingPayload.max_decode_packets = POLLING_BURST
        quiet = logging.getLogger("realtime.engine")
        quiet.setLevel(logging.CRITICAL)  # below it the library logs, with traceback, what clients send wrong
        self._sio: Any = _Server(
            client_manager=self._manager,
            async_mode="asgi",
            serializer=type("_PacketOfOne", (_Packet,), {"pids": self._manager.pids}),
            async_handlers=False,
            logger=quiet,
            engineio_logger=quiet,
            cors_allowed_origins=list(settings.cors_origins) or None,
            max_http_buffer_size=settings.max_message_bytes,
            ping_interval=settings.ping_interval_seconds,
            ping_timeout=settings.ping_timeout_seconds,
        )
        self._lines: dict[str, asyncio.Lock] = {}  # held while a message of this transport is handled
        self._leaving = set[str]()
        self._tasks: set[asyncio.Task[None]] = set()
        self._app: ASGIApp = socketio.ASGIApp(self._sio, socketio_path="socket.io")

    def serve(self, handlers: Handlers) -> None:
        """Call these from now on."""
        self._handlers = handlers
        self._sio.on("connect", self._on_connect)
        self._sio.on("*", self._on_event)
        self._sio.on("disconnect", self._on_disconnect)
        eio = self._sio.eio
        self._open, self._receive, self._closed = (
            eio.handlers[on] for on in ("connect", "message", "disconnect")
        )
        eio.on("connect", self._on_open)
        eio.on("message", self._on_message)
        eio.on("disconnect", self._on_closed)

    def serving(self, others: ASGIApp) -> tuple[ASGIApp, dict[str, Any]]:
        """What uvicorn runs, `others` beside the sockets, and the options it needs for that."""
        rate = self._settings.frames_per_event * self._settings.events_per_second
        options = {
            "ws": "websockets-sansio",
            "ws_max_size": self._settings.max_message_bytes,
            "ws_per_message_deflate": False,
            "proxy_headers": False,  # we look at them ourselves
        }
        return Door(self._app, others, self._handlers, self._settings, rate), options

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
        await self._manager.tell(list(rooms), skip, event, payload, offset)

    def join(self, socket: str, room: str) -> None:
        if self._sio.manager.eio_sid_from_sid(socket, "/"):
            self._sio.manager.basic_enter_room(socket, "/", room)

    def leave(self, socket: str, room: str) -> None:
        self._sio.manager.basic_leave_room(socket, "/", room)

    def disconnect(self, socket: str) -> None:
        self._start(self._sio.disconnect(socket))

    def hang_up(self, socket: str) -> None:
        self._start(self._hang_up(self._manager.eio_sid_from_sid(socket, "/")))

    async def drain(self, seconds: float) -> None:
        """Each after a time of its own, until then served as ever."""
        told = set[str]()
        while here := self._sio.eio.sockets.keys() - told:  # a handshake may have been under way
            told |= here
            await asyncio.gather(*(self._let_go(eio_sid, seconds) for eio_sid in here))
            seconds = 0
        if self._sio.eio.service_task_handle:
            await self._sio.shutdown()

    async def close(self) -> None:
        await self.drain(0)

    async def _let_go(self, eio_sid: str, seconds: float) -> None:
        """Some time from now, after what is under way then; what comes behind it is not looked at."""
        await asyncio.sleep(random.uniform(0, seconds))  # noqa: S311  # spreads those who return
        if line := self._lines.get(eio_sid):
            self._leaving.add(eio_sid)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.finish_seconds), line:
                    pass
            await self._hang_up(eio_sid)

    async def _on_connect(self, sid: str, _environ: object, auth: object = None) -> None:
        address = self._addresses.get(self._manager.eio_sid_from_sid(sid, "/") or "", "")
        try:
            welcome = await self._handlers.connect(sid, Handshake(auth, address))
            if welcome.pid:
                self._manager.pids[sid] = welcome.pid
        except ProblemError as refusal:
            problem = refusal.problem
        except Exception:
            log.exception("socket.connect_failed")
            problem = Problem(code="internal", message="Something went wrong on our side", status=500)
        else:
            return
        if problem.status >= 500:  # noqa: PLR2004
            await self._hang_up(self._sio.manager.eio_sid_from_sid(sid, "/"))
        raise ConnectError(problem.message, {"code": problem.code, "message": problem.message})

    async def _on_event(self, name: str, sid: str, *arguments: Any) -> Ack:
        if len(arguments) == 1 and (typed := self._handlers.typed.get(name)):
            with contextlib.suppress(msgspec.ValidationError, UnicodeError):
                return typed.do(sid, msgspec.convert(arguments[0], typed.type))
        return await self._handlers.event(sid, name, arguments)

    async def _on_disconnect(self, sid: str, _reason: str) -> None:
        eio_sid = self._sio.manager.eio_sid_from_sid(sid, "/")
        await self._handlers.disconnect(sid)
        self._start(self._hang_up(eio_sid))  # without its namespace a transport is of no use

    async def _on_open(self, eio_sid: str, environ: dict[str, Any]) -> None:
        entry: Entry = environ["asgi.scope"]["waggle.entry"]
        entry.opened, self._addresses[eio_sid] = True, entry.address
        self._lines[eio_sid] = asyncio.Lock()
        await self._open(eio_sid, environ)
        asyncio.get_running_loop().call_later(self._settings.connect_seconds, self._on_deadline, eio_sid)

    def _on_deadline(self, eio_sid: str) -> None:
        if self._sio.manager.sid_from_eio_sid(eio_sid, "/") is None and eio_sid in self._sio.eio.sockets:
            log.info("socket.never_connected")
            self._start(self._hang_up(eio_sid))

    async def _on_message(self, eio_sid: str, data: object) -> None:
        async with self._lines.get(eio_sid) or asyncio.Lock():
            try:
                if eio_sid not in self._leaving:
                    await self._receive(eio_sid, data)
            except Exception as error:
                log.info("socket.bad_packet", error=repr(error))
                await self._hang_up(eio_sid)

    async def _on_closed(self, eio_sid: str, reason: str) -> None:
        await self._closed(eio_sid, reason)
        self._handlers.closed(self._addresses.pop(eio_sid, ""))
        self._lines.pop(eio_sid, None)
        self._sio.eio.sockets[eio_sid].queue.put_nowait(None)  # a poll or writer that still waits ends now

    async def _hang_up(self, eio_sid: str | None) -> None:
        """End the transport, after what is still queued for it."""
        transport = self._sio.eio.sockets.get(eio_sid)
        if transport is None or transport.closed:
            return
        if transport.upgraded:
            transport.queue.put_nowait(None)  # ends the WebSocket's writer, and so the rest
        else:
            await transport.close(wait=False)

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
