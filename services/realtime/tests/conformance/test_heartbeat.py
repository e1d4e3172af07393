"""Engine.IO's pings, and clients that leave them unanswered."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from stack.ports import Reservation

from .served import Asked, served

PATH = "/socket.io/?EIO=4&transport="
CONNECT = '40{"token":"good"}'


@pytest_asyncio.fixture(scope="module")
async def server(ports: Reservation, engine: str) -> AsyncIterator[tuple[Asked, str]]:
    pings = {"ping_interval_seconds": 1, "ping_timeout_seconds": 1}  # the reference announces whole seconds
    async with served(engine, ports, **pings) as asked_and_url:
        yield asked_and_url


async def test_a_peer_that_never_pongs_is_closed(server: tuple[Asked, str]) -> None:
    """C1: a phone that vanished without a word; it was pinged once."""
    asked, url = server
    async with connect(url.replace("http", "ws") + PATH + "websocket") as line, asyncio.timeout(60):
        opened = json.loads(str(await line.recv())[1:])
        assert (opened["pingInterval"], opened["pingTimeout"]) == (1000, 1000)
        await line.send(CONNECT)
        heard = [frame async for frame in _frames(line)]
        assert [frame for frame in heard if frame == "2"] == ["2"]
        await _until_nobody_is_here(asked)


async def test_events_are_no_answer_to_a_ping(server: tuple[Asked, str]) -> None:
    """C1"""
    asked, url = server
    async with connect(url.replace("http", "ws") + PATH + "websocket") as line, asyncio.timeout(60):
        await line.send(CONNECT)
        with pytest.raises(ConnectionClosed):
            await _talk_for_ever(line)
        await _until_nobody_is_here(asked)


async def test_a_polling_client_that_never_polls_again_is_forgotten(server: tuple[Asked, str]) -> None:
    """C1"""
    asked, url = server
    async with httpx.AsyncClient(base_url=url, timeout=60) as client, asyncio.timeout(60):
        sid = json.loads((await client.get(PATH + "polling")).text[1:])["sid"]
        path = f"{PATH}polling&sid={sid}"
        assert (await client.post(path, content=CONNECT)).status_code == 200
        assert len(asked.here) == 1
        await _until_nobody_is_here(asked)
        assert (await client.get(path)).status_code == 400


async def test_whoever_pongs_stays(server: tuple[Asked, str]) -> None:
    """C1: by WebSocket, over several pings."""
    _, url = server
    async with connect(url.replace("http", "ws") + PATH + "websocket") as line, asyncio.timeout(60):
        await line.send(CONNECT)
        pings = 0
        while pings < 3:
            if await line.recv() == "2":
                pings += 1
                await line.send("3")
        await line.send('421["add",1,2]')
        assert await line.recv() == '431[{"sum":3}]'


async def _talk_for_ever(line: ClientConnection) -> None:
    while True:
        await line.send('42["nothing"]')
        await asyncio.sleep(0.01)


async def _frames(line: ClientConnection) -> AsyncIterator[str]:
    try:
        async for frame in line:
            yield str(frame)
    except ConnectionClosed:
        return


async def _until_nobody_is_here(asked: Asked) -> None:
    while asked.here:
        await asyncio.sleep(0.02)
