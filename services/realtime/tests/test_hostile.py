"""What a client must not be able to do: crash, fill or hold the edge."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from stack.tokens import mint

from .conftest import KEY, Dial, OpenEdge
from .phone import PATIENCE, Phone

pytestmark = pytest.mark.usefixtures("neighbours")

HANDSHAKE = "/socket.io/?EIO=4&transport="


def auth(sub: str = "mallory") -> str:
    return "40" + json.dumps({"token": mint(sub, "user", key=KEY)})


@asynccontextmanager
async def raw(edge: str) -> AsyncIterator[ClientConnection]:
    """A bare WebSocket after Engine.IO's open packet."""
    async with connect(edge.replace("http", "ws") + HANDSHAKE + "websocket") as line:
        assert str(await line.recv()).startswith("0{")
        yield line


async def hung_up(line: ClientConnection, seconds: float = 5) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while True:
                await line.recv()
    except ConnectionClosed:
        return True


BAD_FRAMES = [
    b"\x00binary",
    b"",
    "",
    "x",
    "9",
    "4",
    "49",
    "4x",
    "42",
    "42{}",
    "42[]",
    "42[1]",
    '42["connect",{},{"token":"x"}]',
    '42["disconnect","because"]',
    '42["*"]',
    '42["a"',
    '451-["a",{"_placeholder":true,"num":0}]',
    "461-[]",
    '44{"message":"no"}',
    "4" * 400,
    "42" + "[" * 8000,
    "4" + "2" * 8000,
    "42" + '["a",' + "9" * 5000 + "]",
    "4²",
    "\ud7ff",
    '42["a","' + "x" * 20_000 + '"]',
]


@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("frame", BAD_FRAMES, ids=range(len(BAD_FRAMES)))
async def test_a_bad_frame_ends_its_own_connection_only(
    edge: str, dial: Dial, frame: Any, connected: bool
) -> None:
    """C1: binary, oversize, malformed, or an event under a reserved name."""
    async with raw(edge) as line:
        if connected:
            await line.send(auth())
            assert str(await line.recv()).startswith("40")
        await line.send(frame)
        assert await hung_up(line)
    assert (await (await dial("bystander", "user")).ask("no:such"))["ok"] is False


async def test_a_socket_that_never_connects_is_hung_up(open_edge: OpenEdge) -> None:
    """C1: by either transport, and also when its token was refused."""
    edge = await open_edge(connect_seconds=0.5)
    async with raw(edge) as silent, raw(edge) as refused, httpx.AsyncClient(base_url=edge) as client:
        await refused.send("40")
        opened = await client.get(HANDSHAKE + "polling")
        sid = json.loads(opened.text[1:])["sid"]
        assert await hung_up(silent)
        assert await hung_up(refused)
        async with asyncio.timeout(PATIENCE):
            while (await client.get(f"{HANDSHAKE}polling&sid={sid}")).status_code != 400:
                pass  # answered when something is said, or it is over


async def test_a_full_edge_sends_new_sockets_away_and_stays_healthy(open_edge: OpenEdge) -> None:
    """C1: 503, so that clients try again; those inside are not disturbed."""
    edge = await open_edge(max_sockets=2)
    async with raw(edge) as first, raw(edge):
        with pytest.raises(InvalidStatus) as refusal:
            async with raw(edge):
                pass
        assert refusal.value.response.status_code == 503
        async with httpx.AsyncClient(base_url=edge) as client:
            response = await client.get(HANDSHAKE + "polling")
            assert (response.status_code, response.json()["code"]) == (503, "full")
            assert (await client.get("/livez")).status_code == 200
        await first.send(auth())
        assert str(await first.recv()).startswith("40")


async def test_a_flood_of_events_is_refused_and_then_ended(open_edge: OpenEdge) -> None:
    """C1: `ERR_RATE` first; whoever goes on is disconnected."""
    edge = await open_edge(events_per_second=10, events_refused=50)
    phone = await Phone().dial(edge, mint("flood", "user", key=KEY))
    codes = [(await phone.ask("no:such"))["error"]["code"] for _ in range(30)]
    assert codes[:10] == ["unknown_event"] * 10
    assert "ERR_RATE" in codes
    for _ in range(100):
        await phone.say("no:such")
    async with asyncio.timeout(60):
        await phone.gone.wait()


async def test_frames_are_read_no_faster_than_the_limit(open_edge: OpenEdge) -> None:
    """C1: a flood of refused CONNECTs costs its sender time, not us."""
    edge = await open_edge(events_per_second=25)
    async with raw(edge) as line:
        started = time.monotonic()
        for _ in range(200):
            await line.send("40")
        for _ in range(200):
            assert str(await line.recv()).startswith("44")
        assert time.monotonic() - started > 0.9


async def test_polling_leaves_nothing_behind(edge: str) -> None:
    """C1: oversize, malformed and out-of-place polling bodies; clients that close while they connect."""
    async with httpx.AsyncClient(base_url=edge, timeout=60) as client:

        async def provoke(*bodies: str) -> None:
            sid = json.loads((await client.get(HANDSHAKE + "polling")).text[1:])["sid"]
            path = f"{HANDSHAKE}polling&sid={sid}"
            answers = await asyncio.gather(*(client.post(path, content=body) for body in bodies))
            assert all(answer.status_code < 500 for answer in answers)
            gone = await client.get(path)
            while gone.status_code == 200:
                gone = await client.get(path)

        before = await _sockets(client)
        await provoke("x" * 20_000)
        await provoke("2")
        await provoke("bAAAA")
        await provoke("42[")
        for number in range(10):
            await provoke(auth(f"mallory-{number}"), "1")
        assert await _sockets(client) == before


async def _sockets(client: httpx.AsyncClient) -> float:
    text = (await client.get("/metrics")).text
    lines = (line for line in text.splitlines() if line.startswith('waggle_sockets{role="user"}'))
    return float(next(lines, "x 0").split()[1])


async def test_pages_of_other_origins_are_refused_unless_named(open_edge: OpenEdge) -> None:
    """C1: apps send no Origin; browsers do."""
    edge = await open_edge(cors_origins=["https://console.example"])
    async with httpx.AsyncClient(base_url=edge) as client:
        for origin, status in (("https://evil.example", 400), ("https://console.example", 200), (None, 200)):
            headers = {"Origin": origin} if origin else {}
            assert (await client.get(HANDSHAKE + "polling", headers=headers)).status_code == status
