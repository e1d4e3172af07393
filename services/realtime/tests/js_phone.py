"""An app by the official Socket.IO client, which runs in Node: the same as `phone.Phone` to a test."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Literal

from socketio.exceptions import ConnectionError as DialError

from stack.node import NODE, install

from .phone import PATIENCE

JS = Path(__file__).parents[3] / "tests" / "clients" / "js"

Mode = Literal["websocket", "polling", "default"]
MODES: tuple[Mode, ...] = ("websocket", "polling", "default")
"""`default` begins with polling and is upgraded."""
MOST_LINE_BYTES = 16 * 1024 * 1024


class JsClients:
    """One Node process that carries any number of phones."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers, self._ids = count(), count()
        self._phones: dict[int, JsPhone] = {}
        self._asked: dict[int, asyncio.Future[Any]] = {}

    def add(self, phone: "JsPhone") -> int:
        """Its number, by which Node knows it."""
        number = next(self._numbers)
        self._phones[number] = phone
        return number

    async def do(self, phone: int, what: str, **arguments: Any) -> Any:
        """The answer to a command; TimeoutError if Node's client waited for an ack in vain."""
        asked = next(self._ids)
        self._asked[asked] = asyncio.get_running_loop().create_future()
        assert self._process.stdin
        line = _as_js({"id": asked, "phone": phone, "do": what, **arguments})
        self._process.stdin.write(line.encode() + b"\n")
        async with asyncio.timeout(2 * PATIENCE):
            return await self._asked[asked]

    async def listen(self) -> None:
        """Until the process ends."""
        assert self._process.stdout
        async for line in self._process.stdout:
            said = json.loads(line)
            if "phone" in said:
                await self._phones[said["phone"]].take(said)
            elif not (asked := self._asked.pop(said["id"])).done():
                if "error" in said:
                    asked.set_exception(TimeoutError(said["error"]))
                else:
                    asked.set_result(said["answer"])


@asynccontextmanager
async def js_clients() -> AsyncIterator[JsClients]:
    """Started; ended at the end, and all its phones with it."""
    install(JS)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        NODE, JS / "phone.mjs", stdin=pipe, stdout=pipe, limit=MOST_LINE_BYTES
    )
    clients = JsClients(process)
    listening = asyncio.create_task(clients.listen())
    try:
        yield clients
    finally:
        process.kill()
        await process.wait()
        await listening


class JsPhone:
    """`events` holds everything heard, as (name, payload), in order; `offset` is that of the last one.

    With `reconnection` it comes back by itself, and `connects` counts how often it came.
    """

    def __init__(self, clients: JsClients, mode: Mode = "websocket", *, reconnection: bool = False) -> None:
        self.events: list[tuple[str, Any]] = []
        self.offset: str | None = None
        self.refusal: Any = None
        self.gone = asyncio.Event()
        self.connects = 0
        self.recovered = False
        """Whether the last connect went on where the one before had ended."""
        self.pid: str | None = None
        self.auth: dict[str, Any] | None = None
        self._clients, self._mode, self._reconnection = clients, mode, reconnection
        self._number = clients.add(self)
        self._read: dict[str, int] = {}
        self._heard = asyncio.Condition()

    async def dial(self, url: str, token: object, *transports: str, **more: object) -> "JsPhone":
        """Connect. ConnectionError when refused; see `refusal`. `more` goes into `auth`."""
        self.auth = None if token is None else {"token": token, **more}
        ways = list(transports) or ([] if self._mode == "default" else [self._mode])
        settings = {"transports": ways, "reconnection": self._reconnection}
        await self._clients.do(self._number, "make", url=url, auth=self.auth, **settings)
        await self._clients.do(self._number, "dial")
        await self._until(lambda: self.connects or self.refusal, lambda: None)
        if self.refusal:
            raise DialError(self.refusal["message"])
        return self

    async def show(self, **changed: object) -> None:
        """From its next connect on, this too is in `auth`: another token, for one."""
        self.auth = {**(self.auth or {}), **changed}
        await self._clients.do(self._number, "show", auth=self.auth)

    async def hang_up(self) -> None:
        await self._clients.do(self._number, "hangUp")

    async def cut(self) -> None:
        """Lose the line; with `reconnection` it comes back by itself."""
        await self._clients.do(self._number, "cut")

    async def come_back(self) -> None:
        """Connect once more, when it is gone."""
        await self._clients.do(self._number, "dial")

    async def ask(self, event: str, payload: Any = None) -> Any:
        """Emit and wait for the ack."""
        return await self._clients.do(self._number, "ask", event=_event(event, payload))

    async def say(self, event: str, payload: Any = None) -> None:
        """Emit, and want no ack."""
        await self._clients.do(self._number, "say", event=_event(event, payload))

    async def next(self, name: str) -> Any:
        """The payload of the next event of this name that was not read yet."""
        start = self._read.get(name, 0)

        def found() -> int | None:
            return next((i for i in range(start, len(self.events)) if self.events[i][0] == name), None)

        index = await self._until(lambda: found() is not None, found)
        self._read[name] = index + 1
        return self.events[index][1]

    async def greeted(self) -> None:
        """Until the snapshot is here."""
        await self._until(lambda: "booking:snapshot" in self.names(), lambda: None)

    async def connected(self, times: int) -> None:
        """Until it has come so often."""
        await self._until(lambda: self.connects >= times, lambda: None)

    def names(self) -> list[str]:
        """Of everything heard, without the notifications that tests use as a mark."""
        return [name for name, _ in self.events if name != "notification"]

    async def take(self, said: dict[str, Any]) -> None:
        """What Node has to say of this phone."""
        async with self._heard:
            if "heard" in said:
                name, payload, offset = (*said["heard"], None, None)[:3]
                self.offset = offset or self.offset
                self.events.append((name, payload))
            elif "connected" in said:
                self.connects += 1
                self.recovered, self.pid = said["connected"]["recovered"], said["connected"].get("pid")
                self.gone.clear()
            elif "gone" in said:
                self.gone.set()
            elif said["refused"]["final"]:
                self.refusal = said["refused"]
            self._heard.notify_all()

    async def _until(self, condition: Callable[[], Any], value: Callable[[], Any]) -> Any:
        async with asyncio.timeout(PATIENCE), self._heard:
            await self._heard.wait_for(condition)
            return value()


def _event(name: str, payload: Any) -> list[Any]:
    if payload is None:
        return [name]
    return [name, *payload] if isinstance(payload, tuple) else [name, payload]


def _as_js(value: Any) -> str:
    """As JSON.stringify writes it, which has no NaN."""
    return json.dumps(json.loads(json.dumps(value), parse_constant=lambda _: None))
