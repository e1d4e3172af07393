"""Rooms and subscriptions on a real bus, with sockets that come and go at bad moments."""

import asyncio
from urllib.parse import urlsplit

import nats
import pytest
from nats.aio.client import Client

from realtime import rooms
from realtime.arrivals import Arrivals
from realtime.engine_socketio import SocketIoEngine
from realtime.membership import Membership

from .conftest import settings


@pytest.fixture
def arrivals() -> Arrivals:
    return Arrivals()


@pytest.fixture
def members(nc: Client, arrivals: Arrivals) -> Membership:
    return Membership(nc, SocketIoEngine(settings("nats://unused", 1)), arrivals)


async def heard(nc: Client, arrivals: Arrivals, person: str) -> int:
    """Publish one event of this customer; how many copies come."""
    await nc.publish(f"live.job.created.J.{person}._", b"")
    await nc.flush()
    await nc.flush()
    await asyncio.sleep(0)
    return arrivals.qsize()


async def test_all_who_enter_at_once_wait_for_the_one_subscription(
    nc: Client, members: Membership, arrivals: Arrivals
) -> None:
    """C1, E3"""
    for socket in "abc":
        members.admit(socket)
    await asyncio.gather(*(members.enter(socket, rooms.customer("m1")) for socket in "abc"))
    assert members.inside(["user:m1"]) == {"a", "b", "c"}
    assert await heard(nc, arrivals, "m1") == 1


async def test_a_socket_that_is_gone_enters_no_room(
    nc: Client, members: Membership, arrivals: Arrivals
) -> None:
    """Invariant 7: the answer to its request came too late."""
    members.admit("a")
    await members.leave_all("a")
    await members.enter("a", rooms.customer("m2"))
    assert members.inside(["user:m2"]) == set()
    assert await heard(nc, arrivals, "m2") == 0


async def test_leaving_while_entering_leaves_no_subscription(
    nc: Client, members: Membership, arrivals: Arrivals
) -> None:
    """Invariant 7"""
    members.admit("a")
    entering = asyncio.create_task(members.enter("a", rooms.customer("m3")))
    await asyncio.sleep(0)
    await members.leave_all("a")
    await entering
    assert members.inside(["user:m3"]) == set()
    assert await heard(nc, arrivals, "m3") == 0


async def test_a_room_that_was_dissolved_can_be_entered_again(
    nc: Client, members: Membership, arrivals: Arrivals
) -> None:
    """C6"""
    members.admit("a")
    await members.enter("a", rooms.customer("m4"))
    await members.dissolve("user:m4")
    assert await heard(nc, arrivals, "m4") == 0
    await members.enter("a", rooms.customer("m4"))
    assert await heard(nc, arrivals, "m4") == 1


async def test_entering_waits_until_the_server_has_the_subscription(nats_url: str) -> None:
    """C1, C7: on the wire, the PING whose PONG was waited for comes after the SUB."""
    sent = bytearray()
    server = urlsplit(nats_url)

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray) -> None:
        while data := await reader.read(65536):
            seen += data
            writer.write(data)
        writer.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, on = await asyncio.open_connection(server.hostname, server.port)
        await asyncio.gather(copy(reader, on, sent), copy(back, writer, bytearray()))

    async with await asyncio.start_server(forward, "127.0.0.1", 0) as proxy:
        own = await nats.connect(f"nats://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        members = Membership(own, SocketIoEngine(settings("nats://unused", 1)), Arrivals())
        members.admit("a")
        await members.enter("a", rooms.customer("m5"))
        assert b"PING" in sent[sent.index(b"SUB live.*.*.*.m5.*") :]
        await own.close()
