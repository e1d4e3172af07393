"""A phone: one Socket.IO client that stays connected, whatever happens to the house."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import aiohttp
import socketio
from socketio.exceptions import SocketIOError

from city.clock import now

ACK_SECONDS = 5.0
CONNECT_SECONDS = 10.0
FASTEST_RETRY, SLOWEST_RETRY = 0.3, 3.0
CLOSE_SECONDS = 2.0

AsyncClient: Any = socketio.AsyncClient  # python-socketio is not typed

Heard = Callable[[str, Any], None]
Restore = Callable[[], Coroutine[Any, Any, None]]
Returned = Callable[[float], None]


@dataclass(frozen=True)
class Ack:
    """The answer to something asked: `code` is the error's code if not `ok`."""

    ok: bool
    code: str


class Phone:
    """`heard(event, data)` is called for each event, in order; `restore()` runs after each connect;
    `returned(seconds)` is told how long a lost connection took to be replaced.

    Reconnecting is done here, not by the library's own means: those give up when the server says goodbye in
    order, as a draining replica does. `connections` changes with each loss and each new connection.
    """

    def __init__(
        self,
        url: str,
        token: str,
        session: aiohttp.ClientSession,
        heard: Heard,
        restore: Restore,
        *,
        returned: Returned = lambda _seconds: None,
    ) -> None:
        self.connections = 0
        self.up = asyncio.Event()
        self._url, self._token, self._session = url, token, session
        self._heard, self._restore, self._returned = heard, restore, returned
        self._lost_at: float | None = None
        self._client: Any = None
        self._asked: set[asyncio.Future[Any]] = set()

    async def stay(self) -> None:
        """Keep a connection until cancelled."""
        delay = FASTEST_RETRY
        while True:
            client = await self._connect()
            if client is not None:
                delay = FASTEST_RETRY
                try:
                    await self._live(client)
                finally:
                    await _hang_up(client)
            await asyncio.sleep(delay * random.uniform(0.5, 1.5))
            delay = min(SLOWEST_RETRY, delay * 2)

    async def ask(self, event: str, data: dict[str, Any] | None = None) -> Ack | None:
        """Emit and await the ack. None: no connection, or it was lost; whether it took effect is unknown."""
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def settle(*arguments: Any) -> None:
            if not answered.done():
                answered.set_result(arguments[0] if arguments else None)

        self._asked.add(answered)
        try:
            if not await self._emit(event, data or {}, settle):
                return None
            return _read(await asyncio.wait_for(answered, ACK_SECONDS))
        except (TimeoutError, ConnectionError):
            return None
        finally:
            self._asked.discard(answered)

    async def tell(self, event: str, data: dict[str, Any]) -> bool:
        """Emit without an ack; False without a connection."""
        return await self._emit(event, data)

    async def _emit(self, event: str, data: Any, settle: Callable[..., None] | None = None) -> bool:
        if self._client is None:
            return False
        try:
            await self._client.emit(event, data, callback=settle)
        except SocketIOError:
            return False
        return True

    async def _connect(self) -> Any:
        client = AsyncClient(reconnection=False, handle_sigint=False, http_session=self._session)
        client.on("*", self._heard_any)
        connecting = client.connect(self._url, auth={"token": self._token}, transports=["websocket"])
        if await _done(connecting, CONNECT_SECONDS):
            return client
        await _hang_up(client)
        return None

    async def _live(self, client: Any) -> None:
        """Until the connection ends."""
        self._client = client
        self.connections += 1
        self.up.set()
        if self._lost_at is not None:
            self._returned(now() - self._lost_at)
        restoring = asyncio.create_task(self._restore())
        try:
            await asyncio.wait({client.eio.read_loop_task})
        finally:
            restoring.cancel()
            self.up.clear()
            self._client, self._lost_at = None, now()
            self.connections += 1
            for answered in self._asked:
                if not answered.done():
                    answered.set_exception(ConnectionError())

    def _heard_any(self, event: str, *arguments: Any) -> None:
        self._heard(event, arguments[0] if arguments else None)


async def _hang_up(client: Any) -> None:
    await _done(client.disconnect(), CLOSE_SECONDS)


async def _done(work: Coroutine[Any, Any, Any], seconds: float) -> bool:
    """Whether `work` of the library succeeded in time. A task of its own: the library swallows cancellations,
    so that our own would be lost in it."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    return task.done() and not task.cancelled() and task.exception() is None


def _read(body: Any) -> Ack:
    if not isinstance(body, dict):
        return Ack(False, "malformed_ack")
    error = body.get("error")
    return Ack(body.get("ok") is True, str(error.get("code", "")) if isinstance(error, dict) else "")
