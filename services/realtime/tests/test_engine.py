"""The engine alone, under handlers of the test's."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import connect

from realtime.engine import Ack, Handlers, Handshake, Welcome
from realtime.engine_fast import FastEngine
from realtime.engine_socketio import SocketIoEngine
from stack.ports import Reservation
from stack.ready import listens
from wire.http import create_app
from wire.problem import ProblemError
from wire.run import serve_http

from .conftest import settings


class Told:
    """Handlers that greet while they let somebody in, and write down who comes and goes."""

    def __init__(self, engine: FastEngine | SocketIoEngine) -> None:
        self.engine = engine
        self.here: list[str] = []
        self.names: list[str] = []
        self.asked, self.release = asyncio.Event(), asyncio.Event()

    async def connect(self, socket: str, handshake: Handshake) -> Welcome:
        assert isinstance(handshake.auth, dict)
        token = handshake.auth["token"]
        if token == "broken":
            raise RuntimeError("a fault of ours")
        if token == "later":
            raise ProblemError("unavailable", "Later", 503)
        self.engine.join(socket, "all")
        await self.engine.emit(["all", socket], "early", {"n": 1})
        await self.engine.emit([socket], "early", {"n": 2})
        self.here.append(socket)
        return Welcome()

    async def event(self, socket: str, name: str, arguments: tuple[Any, ...]) -> Ack:
        self.names.append(name)
        if name == "slow":
            self.asked.set()
            await self.release.wait()
        return {"ok": True, "name": name, "arguments": list(arguments)}

    async def disconnect(self, socket: str) -> None:
        self.here.remove(socket)


@pytest.fixture(params=[FastEngine, SocketIoEngine])
async def told(ports: Reservation, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Told, str]]:
    chosen = settings("nats://unused", ports.port(), drain_seconds=20)
    engine: FastEngine | SocketIoEngine = request.param(chosen)
    told = Told(engine)
    engine.serve(Handlers(told.connect, told.event, told.disconnect))
    app, options = engine.serving(create_app("engine", "0", chosen, {}))
    task = asyncio.create_task(serve_http(app, chosen, engine.close, **options))
    await listens(chosen.http_port)
    yield told, f"ws://127.0.0.1:{chosen.http_port}/socket.io/?EIO=4&transport=websocket"
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_nothing_is_sent_before_connect_is_answered(told: tuple[Told, str]) -> None:
    """C1: apps drop events that come before; they are kept, in order, once each."""
    _, url = told
    async with connect(url) as line:
        await line.recv()
        await line.send('40{"token":"good"}')
        assert str(await line.recv()).startswith("40")
        assert [await line.recv() for _ in range(2)] == ['42["early",{"n":1}]', '42["early",{"n":2}]']
        await line.send('421["ask",{"a":1},2]')
        assert await line.recv() == '431[{"ok":true,"name":"ask","arguments":[{"a":1},2]}]'


@pytest.mark.parametrize("token", ["later", "broken"])
async def test_trouble_of_ours_hangs_up_so_that_the_client_tries_again(
    told: tuple[Told, str], token: str
) -> None:
    """C1: after connect_error clients do not come back by themselves."""
    handlers, url = told
    async with connect(url) as line:
        await line.recv()
        await line.send(f'40{{"token":"{token}"}}')
        heard = [frame async for frame in line]
        assert heard == []
    assert handlers.here == []


async def test_what_is_under_way_is_answered_before_the_client_is_hung_up_on(told: tuple[Told, str]) -> None:
    """B13: others are gone by then; what comes after it is not looked at."""
    handlers, url = told
    async with connect(url) as busy, connect(url) as idle:
        for line in (busy, idle):
            await line.recv()
            await line.send('40{"token":"good"}')
            await line.recv()
        await busy.send('421["slow"]')
        await handlers.asked.wait()
        draining = asyncio.create_task(handlers.engine.drain(0))
        await idle.wait_closed()
        await busy.send('422["late"]')
        assert not draining.done()
        handlers.release.set()
        assert [frame async for frame in busy][-1] == '431[{"ok":true,"name":"slow","arguments":[]}]'
        await draining
    assert handlers.names == ["slow"]
    async with asyncio.timeout(60):
        while handlers.here:
            await asyncio.sleep(0.01)


async def test_a_socket_that_is_gone_is_no_trouble(told: tuple[Told, str]) -> None:
    """Invariant 7"""
    handlers, url = told
    async with connect(url) as line:
        await line.recv()
        await line.send('40{"token":"good"}')
        await line.recv()
        [socket] = handlers.here
    async with asyncio.timeout(60):
        while handlers.here:
            await asyncio.sleep(0.01)
    handlers.engine.join(socket, "all")
    handlers.engine.leave(socket, "all")
    handlers.engine.disconnect(socket)
    await handlers.engine.emit([socket, "all"], "late", {})
