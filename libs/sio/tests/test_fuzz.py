"""Whole sessions under nonsense: nothing but their own end comes of it, and nothing of them is left."""

import asyncio
import gc
import random
import tracemalloc

import msgspec

from sio import packets
from sio.callbacks import TypedEvent
from sio.polling import Poll
from sio.server import Server
from sio.settings import Limits

from .conftest import App, Serve, Served, soon
from .test_hostile import BINARY, CONTINUATION, PING, TEXT, bare, frame
from .test_packets import mutations

REASONS = {"client", "bad_packet", "hung_up", "failed"}


class Place(msgspec.Struct):
    lat: float
    lng: float


async def one_session(server: Server, said: list[bytes], dice: random.Random) -> None:
    """Polls, without HTTP around it."""
    poll = Poll(server.limits.slow_bytes)
    connection = poll.connection = server.open(poll, "somewhere", [])
    if dice.random() < 0.8:
        connection.receive(b"40")
        await asyncio.sleep(0)
    for packet in packets.split_payload(packets.SEPARATOR.join(said)):
        connection.receive(packet)
    if dice.random() < 0.5:
        await asyncio.sleep(0)
    poll.take()
    poll.abort()


async def test_sessions_that_hear_nonsense_end_and_leave_nothing() -> None:
    """C1: 200,000 packets in sessions of a few."""
    app = App(typed={"pilot:location": TypedEvent(Place, lambda _name, at: [at.lat, at.lng])})
    app.inside = ["somewhere"] * 100_000
    server, dice = Server(Limits(frames_per_second=1e9), app.callbacks()), random.Random(1)
    said = list(mutations(7, 20_000))

    async def sessions(count: int) -> None:
        for _ in range(count):
            await one_session(server, dice.choices(said, k=dice.randrange(8)), dice)
        await soon(server.until_empty())

    await sessions(2_000)
    tracemalloc.start()
    for growing in (app.came, app.said, app.left, app.ended):
        while not growing.empty():
            growing.get_nowait()
    app.story.clear()
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    await sessions(2_000)
    assert app.story.count("disconnect") == app.came.qsize() == app.left.qsize() > 500
    assert {app.ended.get_nowait() for _ in range(app.ended.qsize())} <= REASONS
    for growing in (app.came, app.said, app.left):
        while not growing.empty():
            growing.get_nowait()
    app.story.clear()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 200_000, "bytes, of two thousand sessions"
    await sessions(50_000)
    assert (server.connections, server.rooms.sockets) == ({}, {})


def nonsense(dice: random.Random, said: list[bytes]) -> bytes:
    """Frames, some cut, some with bytes changed."""
    stream = b"".join(
        frame(dice.choice([TEXT, TEXT, TEXT, CONTINUATION, BINARY, PING, 0x8, 0xB]), dice.choice(said)[:120],
              fin=dice.random() < 0.8)
        for _ in range(dice.randrange(1, 6))
    )  # fmt: skip
    for _ in range(dice.randrange(3)):
        at = dice.randrange(len(stream))
        stream = stream[:at] + dice.randbytes(1) + stream[at + dice.randrange(2) :]
    return stream


async def test_websockets_that_speak_nonsense_end_and_leave_nothing(serve: Serve) -> None:
    """C1: 1,500 connections, each with a few frames, bytes of them changed."""
    served = await serve(frames_per_second=1e9)
    said, dice = list(mutations(8, 5_000)), random.Random(2)

    async def some() -> None:
        for _ in range(150):
            with await bare(served) as line:
                await asyncio.get_running_loop().sock_sendall(line, nonsense(dice, said))

    await asyncio.gather(*(some() for _ in range(10)))
    await soon(none_left(served))
    assert served.app.inside == []
    async with served.welcomed():
        pass


async def none_left(served: Served) -> None:
    while served.server.connections:
        await asyncio.sleep(0.01)
