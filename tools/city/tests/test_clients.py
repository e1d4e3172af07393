"""The simulator's two clients against real servers that misbehave."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
import socketio
from aiohttp import web

from city.edge import Edge, UnreachableError
from city.phone import Phone

SERVER: Any = socketio.AsyncServer  # python-socketio is not typed
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(app: web.Application, port: int = 0) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    host, bound = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{bound}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def edge_to(answer: Answer) -> AsyncIterator[Edge]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with served(app) as url, aiohttp.ClientSession() as session:
        yield Edge(url, session, Counter())


async def test_a_request_is_repeated_with_its_key_until_the_house_is_well_again() -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers["Idempotency-Key"])
        if len(seen) == 1:
            assert request.transport is not None
            request.transport.close()
        return web.json_response({"id": "j"}, status=201 if len(seen) > 2 else 503)

    async with edge_to(answer) as edge:
        got = await edge.call("POST", "/v1/bookings", "t", {}, key="k")
    assert (got.status, got.body) == (201, {"id": "j"})
    assert seen == ["k", "k", "k"]
    assert not edge.server_errors


async def test_a_refusal_is_an_answer_and_is_not_repeated() -> None:
    asked = 0

    async def answer(_request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return web.json_response({"code": "already_accepted"}, status=409)

    async with edge_to(answer) as edge:
        got = await edge.get("/v1/jobs/x", "t")
    assert (got.ok, got.code, asked) == (False, "already_accepted", 1)


async def test_a_500_is_counted_by_its_route_and_ends_in_unreachable() -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=500, text="boom")

    async with edge_to(answer) as edge:
        with pytest.raises(UnreachableError):
            await edge.call("GET", "/v1/bookings/019a-1", "t", patience=0.05)
    assert edge.server_errors == {"GET /v1/bookings/… 500": 1}


class House:
    """A Socket.IO server that can be taken away and put back on the same port."""

    def __init__(self) -> None:
        self.socket = SERVER(async_mode="aiohttp")
        self.socket.on("ok", lambda _sid, _data: {"ok": True})
        self.socket.on("no", lambda _sid, _data: {"ok": False, "error": {"code": "driver_busy"}})
        self.socket.on("hang", self._hang)
        self.app = web.Application()
        self.socket.attach(self.app)

    async def _hang(self, _sid: str, _data: Any) -> None:
        await asyncio.sleep(60)


class Line:
    """A phone that stays connected, what it heard, and how often it was connected."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.restored: asyncio.Queue[int] = asyncio.Queue()
        self.phone = Phone(url, "t", session, self._hear, lambda: self.restored.put(1))
        self.staying = asyncio.create_task(self.phone.stay())
        self.on_event: Callable[[], object] = lambda: None

    def _hear(self, event: str, data: Any) -> None:
        self.heard.append((event, data))
        self.on_event()

    async def connected(self) -> None:
        await asyncio.wait_for(self.restored.get(), 10)


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[Line]:
    async with aiohttp.ClientSession() as session:
        line = Line(url, session)
        try:
            yield line
        finally:
            line.staying.cancel()
            done, _ = await asyncio.wait({line.staying}, timeout=5)
            assert done, "a cancelled phone must end"


async def test_a_phone_tells_acks_refusals_and_lost_acks_apart() -> None:
    house = House()
    async with served(house.app) as url, line_to(url) as line:
        assert await line.phone.ask("ok") is None, "not connected yet"
        await line.connected()
        assert (yes := await line.phone.ask("ok")) is not None
        assert (no := await line.phone.ask("no")) is not None
        assert (yes.ok, no.ok, no.code) == (True, False, "driver_busy")
        hanging = asyncio.create_task(line.phone.ask("hang"))
        await line.phone.ask("ok")
        for sid in list(house.socket.manager.get_participants("/", None)):
            await house.socket.disconnect(sid[0])
        assert await asyncio.wait_for(hanging, 2) is None


async def test_a_phone_comes_back_when_the_server_does_and_hears_events_in_order() -> None:
    first, second = House(), House()
    async with AsyncExitStack() as to_the_end:
        async with served(first.app) as url:
            line = await to_the_end.enter_async_context(line_to(url))
            await line.connected()
            before = line.phone.connections
        await to_the_end.enter_async_context(served(second.app, int(url.rsplit(":", 1)[1])))
        await line.connected()
        assert line.phone.connections > before
        for number in range(20):
            await second.socket.emit("news", {"number": number})
        assert await line.phone.ask("ok") is not None
    assert [data["number"] for event, data in line.heard if event == "news"] == list(range(20))


@pytest.mark.parametrize("turns", range(4))
async def test_a_phone_that_is_cancelled_amid_a_burst_of_events_ends(turns: int) -> None:
    """At any turn of the loop: Python 3.11's wait_for, in the library, loses some cancellations."""
    house = House()
    async with served(house.app) as url, line_to(url) as line:
        await line.connected()

        def cancel_at_the_twentieth() -> None:
            if len(line.heard) == 20:
                after_turns(turns, line.staying.cancel)

        line.on_event = cancel_at_the_twentieth
        for number in range(200):
            await house.socket.emit("news", {"number": number})
        done, _ = await asyncio.wait({line.staying}, timeout=2)
        assert done


def after_turns(turns: int, act: Callable[[], object]) -> None:
    if turns:
        asyncio.get_running_loop().call_soon(after_turns, turns - 1, act)
    else:
        act()
