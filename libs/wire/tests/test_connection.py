import asyncio

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from stack.house import House
from wire.connection import connect, hear_out, on_reconnect


async def test_connection_that_the_client_gives_up_ends_the_block(house: House) -> None:
    """After an error from the server nats-py closes, and never reconnects: a service would be a shell."""
    ended = asyncio.Event()

    async def service() -> None:
        async with connect(Client(), house.nats_url, name="test") as nc:
            try:
                # Just short enough for the client, with its header too long for the server.
                await nc.publish("x", b" " * (nc.max_payload - 1), headers={"h": "x" * 100})
                await asyncio.Event().wait()
            finally:
                ended.set()

    async with asyncio.timeout(60):
        with pytest.raises(ConnectionError, match=r"(?i)maximum payload"):
            await service()
    assert ended.is_set()


async def test_timeout_inside_the_block_is_its_own(house: House) -> None:
    with pytest.raises(TimeoutError):
        async with connect(Client(), house.nats_url, name="test"):
            raise TimeoutError


async def test_failure_inside_the_block_comes_out_as_it_is(house: House) -> None:
    client = Client()
    with pytest.raises(ZeroDivisionError):
        async with connect(client, house.nats_url, name="test"):
            raise ZeroDivisionError
    assert client.is_closed


async def test_reconnect_is_told_to_all_who_asked(house: House) -> None:
    heard: list[str] = []
    back = asyncio.Event()
    async with connect(Client(), house.nats_url, name="test") as nc:
        with on_reconnect(nc, lambda: heard.append("one")), on_reconnect(nc, back.set):
            with on_reconnect(nc, lambda: heard.append("gone")):
                pass
            await house.kill("nats")
            await back.wait()
    assert heard == ["one"]


async def test_leaving_is_bounded_though_a_callback_is_stuck(house: House) -> None:
    """nats-py lets a CancelledError out of such a drain; nobody cancelled anything."""
    stuck = asyncio.Event()

    async def never(message: Msg) -> None:
        stuck.set()
        await asyncio.Event().wait()

    client = Client()
    async with asyncio.timeout(60):
        async with connect(client, house.nats_url, name="test", drain_seconds=1) as nc:
            await nc.subscribe("stuck.here", cb=never)
            await nc.publish("stuck.here")
            await stuck.wait()
    assert client.is_closed


async def test_leaving_while_the_server_is_away_is_quick_and_quiet(house: House) -> None:
    client = Client()
    try:
        async with connect(client, house.nats_url, name="test") as nc:
            await nc.subscribe("x")
            await house.stop("nats")
            await nc.publish("x", b"never sent")
    finally:
        await house.start("nats")
    assert client.is_closed


async def test_what_was_sent_before_leaving_arrives(house: House, nc: Client) -> None:
    heard = await nc.subscribe("before.leaving")
    await nc.flush()
    await nc.flush()  # the first PING may overtake the SUB
    async with connect(Client(), house.nats_url, name="test") as leaving:
        for _ in range(1000):
            await leaving.publish("before.leaving")
    for _ in range(1000):
        await heard.next_msg(timeout=60)


async def test_subscription_is_over_only_when_the_server_knows(house: House) -> None:
    """nats-py's own drain lets its PING overtake the UNSUB; what comes in between would be thrown away."""
    sent = bytearray()
    host, port = house.nats_url.removeprefix("nats://").split(":")

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(host, int(port))

        async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, heard: bytearray) -> None:
            while data := await source.read(65536):
                heard.extend(data)
                sink.write(data)
            sink.close()

        await asyncio.gather(pass_on(reader, to_server, sent), pass_on(from_server, writer, bytearray()))

    async def ignore(message: Msg) -> None:
        pass

    async with (
        await asyncio.start_server(relay, "127.0.0.1", 0) as door,
        connect(Client(), f"nats://127.0.0.1:{door.sockets[0].getsockname()[1]}", name="test") as nc,
    ):
        subscription = await nc.subscribe("x", cb=ignore)
        await hear_out(nc, subscription)
        assert sent.rindex(b"PING") > sent.index(b"UNSUB")
