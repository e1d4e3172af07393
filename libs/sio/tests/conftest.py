"""A server of the library's own over real sockets, under callbacks of the test's."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import httpx
import pytest
import uvicorn
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sio.answers import Answer, unavailable
from sio.asgi import PollingApp, Receive, Scope, Send
from sio.callbacks import Callbacks, HangUpError, RefusedError, TypedEvent
from sio.handover import PatientHttpProtocol, WebSocketProtocol
from sio.request import AddressOf, peer_is_client
from sio.server import Server
from sio.settings import Limits

HANDSHAKE = "/socket.io/?EIO=4&transport="


@dataclass
class App:
    """An application that writes down what it is asked. What a test wants of it, it says beforehand."""

    pid: str | None = None
    full: bool = False
    typed: dict[str, TypedEvent] = field(default_factory=dict)
    while_connecting: Callable[[str], Awaitable[None]] | None = None
    while_answering: Callable[[str, str], Awaitable[None]] | None = None
    came: asyncio.Queue[tuple[str, Any, str]] = field(default_factory=asyncio.Queue)
    said: asyncio.Queue[tuple[str, tuple[Any, ...]]] = field(default_factory=asyncio.Queue)
    left: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    story: list[str] = field(default_factory=list)
    """What was called, in order, with the names of events."""
    inside: list[str] = field(default_factory=list)
    """Addresses of transports that were let in, until they have ended."""
    ended: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def connect(self, name: str, auth: Any, address: str) -> str | None:
        self.story.append("connect")
        if self.while_connecting:
            await self.while_connecting(name)
        if auth == {"token": "bad"}:
            raise RefusedError("No", {"code": "token_invalid"})
        if auth == {"token": "later"}:
            raise HangUpError
        if auth == {"token": "broken"}:
            raise RuntimeError("a fault of the application's")
        self.came.put_nowait((name, auth, address))
        return self.pid

    async def event(self, name: str, event: str, arguments: tuple[Any, ...]) -> object:
        self.story.append(event)
        if self.while_answering:
            await self.while_answering(name, event)
        self.said.put_nowait((event, arguments))
        self.story.append(f"{event} done")
        return {"ok": True, "arguments": list(arguments)}

    async def disconnect(self, name: str) -> None:
        self.story.append("disconnect")
        self.left.put_nowait(name)

    def opening(self, address: str) -> Answer | None:
        if self.full:
            return unavailable("full", "Later")
        self.inside.append(address)
        return None

    def callbacks(self) -> Callbacks:
        return Callbacks(
            self.connect,
            self.event,
            self.disconnect,
            self.typed,
            self.opening,
            self.inside.remove,
            self.ended.put_nowait,
        )


@dataclass
class Served:
    """A server that runs, and its application."""

    server: Server
    app: App
    host: str

    @contextlib.asynccontextmanager
    async def raw(self, query: str = "", **options: Any) -> AsyncIterator[ClientConnection]:
        """A bare WebSocket."""
        async with connect(f"ws://{self.host}{HANDSHAKE}websocket{query}", **options) as line:
            yield line

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[ClientConnection]:
        """After Engine.IO's handshake."""
        async with self.raw() as line:
            assert (await heard(line)).startswith("0{")
            yield line

    @contextlib.asynccontextmanager
    async def welcomed(self) -> AsyncIterator[tuple[ClientConnection, str]]:
        """After its CONNECT; with its socket's id."""
        async with self.opened() as line:
            await line.send("40")
            assert (await heard(line)).startswith('40{"sid":"')
            name, _, _ = await soon(self.app.came.get())
            yield line, name

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://{self.host}", timeout=60)


Serve = Callable[..., Awaitable[Served]]
Result = TypeVar("Result")


async def soon(what: Awaitable[Result]) -> Result:
    """Wait for it, but not for ever."""
    async with asyncio.timeout(60):
        return await what


async def heard(line: ClientConnection) -> str:
    """The next frame."""
    return str(await soon(line.recv()))


async def hung_up(line: ClientConnection) -> list[str]:
    """What still comes before the server hangs up."""
    frames: list[str] = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            frames.append(await heard(line))
    return frames


class _Uvicorn(uvicorn.Server):
    """Leaves signals to pytest."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def others(scope: Scope, _receive: Receive, send: Send) -> None:
    """What is served beside."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"others"})


@contextlib.asynccontextmanager
async def serving(app: App, limits: Limits, address_of: AddressOf = peer_is_client) -> AsyncIterator[Served]:
    """A server on a port of its own."""
    server = Server(limits, app.callbacks())
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        PollingApp(server, others, address_of),
        ws=partial(WebSocketProtocol, server, address_of),  # type: ignore[arg-type]
        http=partial(PatientHttpProtocol, server),  # type: ignore[arg-type]
        lifespan="off",
        timeout_keep_alive=1,
        proxy_headers=False,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    running = _Uvicorn(config)
    task = asyncio.create_task(running.serve(sockets=[listener]))
    host, port = listener.getsockname()
    yield Served(server, app, f"{host}:{port}")
    await soon(server.close())
    running.should_exit = True
    await soon(task)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that services run on; its transports differ from asyncio's."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a server with limits of one's own."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            app: App | None = None, address_of: AddressOf = peer_is_client, **limits: Any
        ) -> Served:
            return await stack.enter_async_context(
                serving(app or App(), Limits(**{"finish_seconds": 0.1, **limits}), address_of)
            )

        yield start


@pytest.fixture
async def served(serve: Serve) -> Served:
    """A server with the limits that are usual."""
    return await serve()
