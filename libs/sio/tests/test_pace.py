"""Those who read too slowly, send too fast, or have vanished."""

import asyncio
import contextlib
import socket
import time
from typing import Any

import pytest

from .conftest import App, Serve, heard, hung_up, soon
from .test_hostile import PING, TEXT, bare, closed, frame
from .test_polling import welcomed

KIB = 1024


def push(line: socket.socket, what: bytes) -> bytes:
    """Send what TCP takes; the rest."""
    try:
        return what[line.send(what) :]
    except BlockingIOError:
        return what


async def test_who_stops_reading_is_hung_up_on(serve: Serve) -> None:
    """C1: what waits for one client is bounded."""
    served = await serve(send_buffer_bytes=256 * KIB)
    async with served.welcomed() as (reader, bystander):
        with await bare(served) as line:
            line.sendall(frame(TEXT, b"40"))
            name, _, _ = await soon(served.app.came.get())
            connection = next(
                c for c in served.server.connections.values() if c.socket and c.socket.id == name
            )
            emitted, most = 0, 0
            while connection.over is None:
                served.server.emit([name], "n", "x" * 10_000)
                emitted += 1
                most = max(most, connection.transport.pending())
                await asyncio.sleep(0)
            assert connection.over == "slow"
            assert most < 300 * KIB
            assert await soon(served.app.left.get()) == name
        served.server.emit([bystander], "n", 1)
        assert await heard(reader) == '42["n",1]'
    assert await soon(served.app.ended.get()) == "slow"


async def test_who_does_not_poll_is_hung_up_on(serve: Serve) -> None:
    """C1"""
    served = await serve(send_buffer_bytes=256 * KIB)
    async with served.http() as client:
        path, name = await welcomed(served, client)
        for _ in range(30):
            served.server.emit([name], "n", "x" * 10_000)
        assert await soon(served.app.left.get()) == name
        assert await soon(served.app.ended.get()) == "slow"
        assert (await client.get(path)).status_code == 400


@pytest.mark.parametrize("welcome", [True, False])
async def test_who_does_not_read_refusals_is_hung_up_on(serve: Serve, welcome: bool) -> None:
    """C1: they repeat what was sent, and no socket counts them."""
    served = await serve(send_buffer_bytes=256 * KIB, frames_per_second=1e9)
    with await bare(served) as line:
        if welcome:
            line.sendall(frame(TEXT, b"40"))
        connect = frame(TEXT, b"40/" + b"x" * 16_000 + b",")
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(60):
                rest = b""
                while served.server.connections:
                    rest = push(line, rest or connect)
                    await asyncio.sleep(0)
    assert await soon(served.app.ended.get()) == "slow"


async def test_who_is_slow_to_be_let_in_is_not_sent_without_end(serve: Serve) -> None:
    app = App()
    served = await serve(app, send_buffer_bytes=256 * KIB)

    async def pour(name: str) -> None:
        for _ in range(30):
            served.server.emit([name], "n", "x" * 10_000)

    app.while_connecting = pour
    async with served.opened() as line:
        await line.send("40")
        assert await hung_up(line) == []
    assert await soon(app.ended.get()) == "slow"


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_slow_reader_gets_the_newest_only(serve: Serve, transport: str) -> None:
    """C6: positions that are no longer true are not sent to one who could not take them."""
    served = await serve()
    app, server = served.app, served.server

    async def emit(name: str) -> None:
        await asyncio.sleep(0)
        while server.rooms.sockets[name].ready:
            server.emit([name], "fill", "x" * 10_000)
        for number in range(1000):
            server.emit([name], "at", [number % 2, number], newest=f"driver-{number % 2}")
        server.emit([name], "status", "kept")
        server.emit([name], "at", [2, 0], newest="driver-2")

    got: list[Any] = []
    if transport == "websocket":
        with await bare(served) as line:
            line.sendall(frame(TEXT, b"40"))
            name, _, _ = await soon(app.came.get())
            await emit(name)
            reading = asyncio.create_task(closed(line))
            while not server.rooms.sockets[name].ready:
                await asyncio.sleep(0.01)
            server.hang_up(name)
            stream = await soon(reading)
            got = stream.decode("latin-1").split("42[")[1:]
    else:
        async with served.http() as client:
            path, name = await welcomed(served, client)
            await emit(name)
            for _ in range(2):
                got += (await client.get(path)).text.split("\x1e")
            got = [packet.removeprefix("42[") for packet in got]
    told = [part[: part.index("]") + 1] for part in got if part.startswith(('"at"', '"status"'))]
    assert told == ['"status","kept"]', '"at",[0,998]', '"at",[1,999]', '"at",[2,0]']


async def test_a_flood_is_read_more_slowly_and_held_nowhere(serve: Serve) -> None:
    """C1: TCP holds the sender back; memory stays flat, and others are served."""
    served = await serve(frames_per_second=100)
    async with served.welcomed() as (reader, _):
        with await bare(served) as line:
            line.sendall(frame(TEXT, b"40"))
            name, _, _ = await soon(served.app.came.get())
            flood = frame(TEXT, b'42["flood","' + b"x" * 100 + b'"]') * 200
            flooded = next(c for c in served.server.connections.values() if c.socket and c.socket.id == name)
            started, held, refused = time.monotonic(), 0, 0
            rest = flood
            while refused < 100:
                left = push(line, rest)
                refused += left == rest
                rest = left or flood
                await asyncio.sleep(0.01)
                held = max(held, len(flooded.line))
            assert served.app.said.qsize() <= 2 * 100 + 100 * (time.monotonic() - started)
            assert held < 1000, "no more than one buffer of picows"
            await reader.send('421["ask"]')
            assert (await heard(reader)).startswith("431")


@pytest.mark.parametrize(
    "flooding", [frame(PING, b""), frame(0x0A, b""), frame(TEXT, b"3")], ids=["ping", "pong", "3"]
)
async def test_a_flood_of_empty_frames_is_read_more_slowly_too(serve: Serve, flooding: bytes) -> None:
    """C1"""
    served = await serve(frames_per_second=100)
    with await bare(served) as line:
        connection = next(iter(served.server.connections.values()))
        line.send(flooding * 1000)
        async with asyncio.timeout(60):
            while not connection.line.paused:
                await asyncio.sleep(0.01)


async def test_frames_take_the_time_that_they_are_allowed(serve: Serve) -> None:
    """C1: a flood of refused CONNECTs costs its sender time, not us."""
    served = await serve(frames_per_second=100)
    async with served.opened() as line:
        started = time.monotonic()
        for _ in range(200):
            await line.send('40{"token":"bad"}')
        for _ in range(200):
            assert (await heard(line)).startswith("44")
        assert time.monotonic() - started > 0.9


async def test_a_client_that_answers_pings_stays_and_one_that_does_not_goes(serve: Serve) -> None:
    """C1: a phone that vanished without a word."""
    served = await serve(ping_interval=0.3, ping_timeout=0.5)
    async with served.welcomed() as (alive, _), served.welcomed() as (_vanished, name):

        async def answer() -> None:
            for _ in range(6):
                assert await heard(alive) == "2"
                await alive.send("3")

        answering = asyncio.create_task(answer())
        assert await soon(served.app.left.get()) == name
        await soon(answering)
        assert await soon(served.app.ended.get()) == "ping_timeout"
        assert len(served.app.inside) == 1


async def test_a_pong_does_not_wait_behind_a_slow_event(serve: Serve) -> None:
    app, release = App(), asyncio.Event()

    async def wait(_name: str, event: str) -> None:
        if event == "slow":
            await release.wait()

    app.while_answering = wait
    served = await serve(app, ping_interval=0.3, ping_timeout=0.5)
    async with served.welcomed() as (line, _):
        await line.send('421["slow"]')
        for _ in range(5):
            assert await heard(line) == "2"
            await line.send("3")
        release.set()
        while (answer := await heard(line)) == "2":
            await line.send("3")
        assert answer.startswith("431")


async def test_who_is_not_read_from_is_not_taken_for_gone(serve: Serve) -> None:
    """We hold back the pong ourselves."""
    app, release = App(), asyncio.Event()

    async def wait(_name: str, _event: str) -> None:
        await release.wait()

    app.while_answering = wait
    served = await serve(app, ping_interval=0.3, ping_timeout=0.3)
    async with served.welcomed() as (line, _):
        for number in range(200):
            await line.send(f'42{number}["slow"]')
        assert await heard(line) == "2"
        connection = next(iter(served.server.connections.values()))
        while not connection.line.paused:
            await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        assert connection.over is None
        release.set()
        answers = [await heard(line) for _ in range(200)]
        assert [answer[:2] for answer in answers if answer != "2"]


async def test_drain_hangs_up_a_few_at_a_time_and_lets_what_is_under_way_finish(serve: Serve) -> None:
    """I6"""
    app, release = App(), asyncio.Event()

    async def wait(_name: str, _event: str) -> None:
        await release.wait()

    app.while_answering = wait
    served = await serve(app, finish_seconds=30)
    async with served.welcomed() as (busy, _):
        await busy.send('421["slow"]')
        while "slow" not in app.story:
            await asyncio.sleep(0.01)
        async with asyncio.TaskGroup() as group:
            ends: list[float] = []

            async def idle() -> None:
                async with served.welcomed() as (line, _):
                    assert await hung_up(line) == []
                ends.append(time.monotonic())

            idlers = [group.create_task(idle()) for _ in range(20)]
            while len(served.server.rooms.sockets) < 21:
                await asyncio.sleep(0.01)
            draining = group.create_task(served.server.drain(1))
            await soon(asyncio.wait(idlers))
            assert max(ends) - min(ends) > 0.3
            assert not draining.done()
            async with served.http() as client:
                refused = await client.get("/socket.io/?EIO=4&transport=polling")
                assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
            release.set()
            assert await hung_up(busy) == ['431[{"ok":true,"arguments":[]}]']
    assert app.inside == []
