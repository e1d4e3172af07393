"""An engine behind handlers that clients can put to the test, served over HTTP."""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from realtime.engine import Ack, Handlers, Handshake, Typed, Welcome
from realtime.engine_fast import FastEngine
from realtime.engine_socketio import SocketIoEngine
from realtime.settings import Settings
from stack.ports import Reservation
from stack.ready import listens
from wire.http import create_app
from wire.problem import ProblemError
from wire.run import serve_http

KEY = "a secret for tests, of 32 bytes or more"
ENGINES: dict[str, Callable[[Settings], FastEngine | SocketIoEngine]] = {
    "fast": FastEngine,
    "socketio": SocketIoEngine,
}
MAX_BYTES = 100_000
"""Longest frame or polling body that these servers read."""


class Position(msgspec.Struct):
    """What a typed event carries."""

    lat: float
    lng: float


class Asked:
    """Does what clients ask for.

    `auth` is an object: `token` is "good", or refused; `later` names somebody who is hung up on at first;
    `early` is how many events are emitted before the answer; `recover`, `pid` and `offset` are Socket.IO's.
    """

    def __init__(self, engine: FastEngine | SocketIoEngine) -> None:
        self.engine = engine
        self.here: dict[str, dict[str, Any]] = {}
        self.tries: Counter[str] = Counter()
        self.pids: set[str] = set()
        self.events: dict[str, Callable[..., Awaitable[Ack]]] = {
            "add": self.add,
            "slow": self.slow,
            "back": self.back,
            "count": self.count,
            "join": self.join,
            "leave": self.leave,
            "tell": self.tell,
            "kick": self.kick,
            "hang_up": self.hang_up,
            "handshake": self.handshake,
            "present": self.present,
        }
        self.handlers = Handlers(
            self.connect, self.event, self.disconnect, {"move": Typed(Position, self.move), "spin": SPIN}
        )

    async def connect(self, socket: str, handshake: Handshake) -> Welcome:
        auth = handshake.auth if isinstance(handshake.auth, dict) else {}
        if auth.get("token") != "good":
            raise ProblemError("token_invalid", "The token is not good", 401)
        if (name := auth.get("later")) and self.tries[name] < 2:
            self.tries[name] += 1
            raise ProblemError("unavailable", "Later", 503)
        self.here[socket] = auth
        for number in range(auth.get("early", 0)):
            await self.engine.emit([socket], "early", {"number": number})
        return Welcome(await self._pid(socket, auth))

    async def _pid(self, socket: str, auth: dict[str, Any]) -> str | None:
        if auth.get("pid") in self.pids:
            await self.engine.emit([socket], "missed", {"after": auth.get("offset")}, offset="missed-1")
            return str(auth["pid"])
        if not auth.get("recover"):
            return None
        self.pids.add(pid := secrets.token_urlsafe(9))
        return pid

    async def disconnect(self, socket: str) -> None:
        del self.here[socket]

    async def event(self, socket: str, name: str, arguments: tuple[Any, ...]) -> Ack:
        asked = self.events.get(name)
        if asked is None:
            return {"name": name, "arguments": list(arguments)}
        try:
            return await asked(socket, *arguments)
        except TypeError:  # engines rely on it that nothing is raised
            return {"wrong": name}

    def move(self, _socket: str, position: Position) -> Ack:
        return {"typed": [position.lat, position.lng]}

    async def add(self, _socket: str, one: float, other: float) -> Ack:
        return {"sum": one + other}

    async def slow(self, _socket: str, payload: object) -> Ack:
        await asyncio.sleep(0.05)
        return {"slow": payload}

    async def back(self, socket: str, payload: object, offset: str | None = None) -> Ack:
        await self.engine.emit([socket], "back", payload, offset=offset)
        return {"ok": True}

    async def count(self, socket: str, upto: int, pause: bool = False) -> Ack:
        for number in range(upto):
            await self.engine.emit([socket], "counted", {"number": number})
            if pause:
                await asyncio.sleep(0.001)
        return {"ok": True}

    async def join(self, socket: str, room: str) -> Ack:
        self.engine.join(socket, room)
        return {"socket": socket}

    async def leave(self, socket: str, room: str) -> Ack:
        self.engine.leave(socket, room)
        return {"ok": True}

    async def tell(self, _socket: str, rooms: list[str], payload: object, skip: list[str]) -> Ack:
        await self.engine.emit(rooms, "told", payload, skip=skip, offset="told-1")
        return {"ok": True}

    async def kick(self, socket: str) -> Ack:
        self.engine.disconnect(socket)
        return {"ok": True}

    async def hang_up(self, socket: str) -> Ack:
        self.engine.hang_up(socket)
        return {"ok": True}

    async def handshake(self, socket: str) -> Ack:
        return self.here[socket]

    async def present(self, _socket: str, name: str) -> Ack:
        """How many sockets of this name are here."""
        return {"present": sum(auth.get("name") == name for auth in self.here.values())}


SPIN = Typed(int, lambda _socket, times: {"typed": times})


@contextlib.asynccontextmanager
async def served(name: str, ports: Reservation, **changed: object) -> AsyncIterator[tuple[Asked, str]]:
    """An engine of `ENGINES`, and its URL. One of a kind at a time in a process."""
    limits = {"max_message_bytes": MAX_BYTES, "events_per_second": 1_000_000, "drain_seconds": 1}
    needed = {"nats_url": "nats://unused", "http_port": ports.port(), "jwt_key": KEY}
    chosen = Settings.model_validate({**needed, **limits, **changed})
    engine = ENGINES[name](chosen)
    asked = Asked(engine)
    engine.serve(asked.handlers)
    app, options = engine.serving(create_app("engine", "0", chosen, {}))
    task = asyncio.create_task(serve_http(app, chosen, engine.close, **options))
    await listens(chosen.http_port)
    try:
        yield asked, f"http://127.0.0.1:{chosen.http_port}"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
