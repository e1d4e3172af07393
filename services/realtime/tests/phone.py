"""An app: a real Socket.IO client that writes down what it is told."""

import asyncio
from collections.abc import Callable
from typing import Any

import socketio

PATIENCE = 30.0
ANY: Any = socketio.AsyncClient


class _Client(ANY):  # type: ignore[misc]
    """Keeps the `pid` of the server's answer, which the library does not look at."""

    pid: str | None = None

    async def _handle_connect(self, namespace: str, data: Any) -> None:
        self.pid = data.get("pid")
        await super()._handle_connect(namespace, data)


class Phone:
    """`events` holds everything heard, as (name, payload), in order; `offset` is that of the last one."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.offset: str | None = None
        self.refusal: Any = None
        self.gone = asyncio.Event()
        self._read: dict[str, int] = {}
        self._heard = asyncio.Condition()
        self._sio = _Client(reconnection=False)
        self._sio.on("*", self._hear)
        self._sio.on("connect_error", self._refused)
        self._sio.on("disconnect", self._left)

    async def dial(self, url: str, token: object, *transports: str, **more: object) -> "Phone":
        """Connect, by WebSocket unless told otherwise. ConnectionError when refused; see `refusal`.

        `more` goes into `auth`: `recover=True, offset=…` to be told what was missed.
        """
        auth = None if token is None else {"token": token, **more}
        ways = list(transports) or ["websocket"]
        await self._sio.connect(url, auth=auth, transports=ways, wait_timeout=PATIENCE)
        return self

    @property
    def pid(self) -> str | None:
        """Of a client that can be recovered."""
        return self._sio.pid

    async def hang_up(self) -> None:
        await self._sio.disconnect()

    async def ask(self, event: str, payload: Any = None) -> Any:
        """Emit and wait for the ack."""
        return await self._sio.call(event, payload, timeout=PATIENCE)

    async def say(self, event: str, payload: Any = None) -> None:
        """Emit, and want no ack."""
        await self._sio.emit(event, payload)

    async def next(self, name: str) -> Any:
        """The payload of the next event of this name that was not read yet."""
        start = self._read.get(name, 0)

        def found() -> int | None:
            return next((i for i in range(start, len(self.events)) if self.events[i][0] == name), None)

        index = await self._until(lambda: found() is not None, found)
        self._read[name] = index + 1
        return self.events[index][1]

    async def greeted(self) -> None:
        """Until the snapshot is here: it comes soon after the connect, at no certain place among events."""
        await self._until(lambda: "booking:snapshot" in self.names(), lambda: None)

    def names(self) -> list[str]:
        """Of everything heard, without the notifications that tests use as a mark."""
        return [name for name, _ in self.events if name != "notification"]

    async def _until(self, condition: Callable[[], bool], value: Callable[[], Any]) -> Any:
        async with asyncio.timeout(PATIENCE), self._heard:
            await self._heard.wait_for(condition)
            return value()

    async def _hear(self, name: str, payload: Any = None, offset: str | None = None) -> None:
        async with self._heard:
            self.offset = offset or self.offset
            self.events.append((name, payload))
            self._heard.notify_all()

    async def _refused(self, problem: Any) -> None:
        self.refusal = problem

    async def _left(self, *_reason: Any) -> None:
        self.gone.set()
