"""From polling to a WebSocket: nothing is lost or doubled, also when an upgrade dies half-way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest
import socketio
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from sio.polling import Poll

from .conftest import App, Serve, Served, heard, hung_up, soon
from .test_polling import opened, welcomed


@contextlib.asynccontextmanager
async def probed(served: Served, path: str) -> AsyncIterator[ClientConnection]:
    """A WebSocket that may take over."""
    async with served.raw(f"&sid={path.rpartition('=')[2]}") as line:
        await line.send("2probe")
        assert await heard(line) == "3probe"
        yield line


async def events(client: httpx.AsyncClient, path: str) -> list[str]:
    """What one GET brings, but noops."""
    return [packet for packet in (await client.get(path)).text.split("\x1e") if packet != "6"]


async def test_what_polling_has_not_fetched_comes_first_over_the_websocket(served: Served) -> None:
    """C1"""
    app, server = served.app, served.server
    async with served.http() as client:
        path, name = await welcomed(served, client)
        held = asyncio.create_task(client.get(path))
        async with probed(served, path) as line:
            assert (await soon(held)).text == "6", "so that the client can stop polling"
            server.emit([name], "n", 1)
            assert await events(client, path) == ['42["n",1]']
            assert await events(client, path) == [], "no GET is held any more"
            server.emit([name], "n", 2)
            server.emit([name], "n", 3)
            await line.send("5")
            await line.send('421["ask"]')
            assert [await heard(line) for _ in range(2)] == ['42["n",2]', '42["n",3]']
            assert (await heard(line)).startswith("431[")
            assert (await client.get(path)).json()["code"] == 3
            assert (await client.post(path, content="3")).json()["code"] == 3
            assert len(app.inside) == 1
    assert await soon(app.left.get()) == name
    assert app.inside == []
    assert app.story == ["connect", "ask", "ask done", "disconnect"]


async def test_an_upgrade_that_dies_half_way_leaves_polling_as_it_was(served: Served) -> None:
    """C1"""
    app, server = served.app, served.server
    async with served.http() as client:
        path, name = await welcomed(served, client)
        for number in range(3):
            async with probed(served, path):
                server.emit([name], "n", number)
            poll = next(iter(server.connections.values())).transport
            assert isinstance(poll, Poll)
            while poll.upgrading:
                await asyncio.sleep(0.01)
        assert len(server.requesting) == 0
        server.emit([name], "n", 3)
        assert await events(client, path) == [f'42["n",{number}]' for number in range(4)]
        async with probed(served, path) as line:
            await line.send("5")
            server.emit([name], "n", 4)
            assert '42["n",4]' in [await heard(line)]
    assert await soon(app.left.get()) == name
    assert app.ended.qsize() == 1


@pytest.mark.parametrize("said", ["5", "2", "42[]", "2probe", b"2probe", "3"])
async def test_an_upgrade_that_says_something_else_is_ended(served: Served, said: str | bytes) -> None:
    async with served.http() as client:
        path, name = await welcomed(served, client)
        session = path.rpartition("=")[2]
        async with probed(served, path) if said == "2probe" else served.raw(f"&sid={session}") as line:
            await line.send(said)
            assert await hung_up(line) == []
        served.server.emit([name], "n", 1)
        assert await events(client, path) == ['42["n",1]']


async def test_only_one_websocket_may_ask_at_a_time(served: Served) -> None:
    async with served.http() as client:
        path, _ = await welcomed(served, client)
        async with probed(served, path):
            with pytest.raises(InvalidStatus) as refused:
                async with probed(served, path):
                    pass
            assert refused.value.response.status_code == 400


async def test_an_upgrade_that_is_not_finished_in_time_is_ended(serve: Serve) -> None:
    served = await serve(connect_seconds=0.6)
    async with served.http() as client:
        path, name = await welcomed(served, client)
        async with probed(served, path) as line:
            assert await hung_up(line) == []
        served.server.emit([name], "n", 1)
        assert await events(client, path) == ['42["n",1]']
    assert len(served.server.requesting) == 0


async def test_a_session_that_ends_while_it_upgrades_ends_the_websocket_too(served: Served) -> None:
    async with served.http() as client:
        path, _ = await welcomed(served, client)
        async with probed(served, path) as line:
            await client.post(path, content="1")
            await line.send("5")
            assert await hung_up(line) == []


async def test_an_upgrade_before_connect(served: Served) -> None:
    async with served.http() as client:
        path = await opened(client)
        async with probed(served, path) as line:
            await line.send("5")
            await line.send("40")
            assert (await heard(line)).startswith("40{")


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids="-".join)
async def test_a_client_of_another_house_loses_nothing(serve: Serve, transports: list[str]) -> None:
    """C1: python-socketio, by each transport; events in both directions."""
    app = App()
    served = await serve(app)
    emitted = 0

    async def pour(name: str, _event: str = "") -> None:
        nonlocal emitted
        for _ in range(5):
            served.server.emit([name], "n", emitted)
            emitted += 1

    app.while_connecting = app.while_answering = pour
    got: list[int] = []
    client = socketio.AsyncClient(reconnection=False)
    client.on("n", got.append)
    await client.connect(f"http://{served.host}", transports=transports, auth={"token": "good"})
    answers = [await client.call("ask", number) for number in range(30)]
    assert [answer["arguments"] for answer in answers] == [[number] for number in range(30)]
    while len(got) < emitted:
        await asyncio.sleep(0.01)
    assert got == list(range(emitted))
    assert client.transport() == transports[-1]
    await client.disconnect()
    await soon(app.left.get())
    await soon(app.ended.get())
    assert app.inside == []
