"""What a client must not be able to do: crash, fill or hold the server."""

import asyncio
import contextlib
import socket
import struct
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from .conftest import HANDSHAKE, App, Serve, Served, heard, hung_up, soon

BAD_PACKETS: list[Any] = [
    b"\x00binary",
    b"",
    "",
    "x",
    "9",
    "2",
    "0",
    "5",
    "6",
    "33",
    "11",
    "4",
    "49",
    "4x",
    "4²",
    "42",
    "42{}",
    "42[]",
    "42[1]",
    '42["a"',
    '42["a"]]',
    '42["connect",{}]',
    '42["disconnect","because"]',
    '42["connect_error"]',
    '42["*"]',
    '4212345678901234567["a",1]',
    '451-["a",{"_placeholder":true,"num":0}]',
    "461-[]",
    '44{"message":"no"}',
    "411",
    "43[]",
    "431{}",
    "40{",
    "4" * 400,
    "42" + "[" * 8000,
    "4" + "2" * 8000,
    '42["a",' + "9" * 5000 + "]",
    '42["a","' + "x" * 20_000 + '"]',
]


@pytest.mark.parametrize("connected", [True, False])
async def test_a_bad_packet_ends_its_own_connection_only(served: Served, connected: bool) -> None:
    """C1: binary, oversize, malformed, or an event under a reserved name."""
    async with served.welcomed() as (bystander, _):
        for packet in BAD_PACKETS:
            async with served.opened() as line:
                if connected:
                    await line.send("40")
                    await heard(line)
                await line.send(packet)
                assert await hung_up(line) == [], packet
        await bystander.send('421["ask"]')
        assert (await heard(bystander)).startswith("431")
    for packet in BAD_PACKETS:
        assert await soon(served.app.ended.get()) in {"bad_packet", "binary", "client"}, packet


async def test_a_second_connect_ends_the_connection(served: Served) -> None:
    async with served.welcomed() as (line, name):
        await line.send("40")
        assert await hung_up(line) == []
    assert await soon(served.app.left.get()) == name


async def bare(served: Served) -> socket.socket:
    """A TCP connection after the WebSocket's handshake, whose frames are the test's own."""
    host, port = served.host.split(":")
    line = socket.create_connection((host, int(port)))
    line.setblocking(False)
    line.sendall(
        f"GET {HANDSHAKE}websocket HTTP/1.1\r\nHost: {served.host}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while b"pingInterval" not in answer:
        answer += await asyncio.get_running_loop().sock_recv(line, 65536)
    return line


TEXT, CONTINUATION, BINARY, PING = 0x1, 0x0, 0x2, 0x9
RSV1 = 0x40


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """Masked with zeros, as RFC 6455 allows."""
    size = (
        struct.pack("!BH", 0x80 | 126, len(payload)) if len(payload) > 125 else bytes([0x80 | len(payload)])
    )
    return bytes([opcode | (0x80 if fin else 0)]) + size + bytes(4) + payload


async def closed(line: socket.socket) -> bytes:
    """All that the server sends before it hangs up."""

    def read() -> bytes:
        line.setblocking(True)
        line.settimeout(60)
        found = b""
        try:
            while more := line.recv(65536):
                found += more
        except ConnectionResetError:
            pass
        return found

    return await asyncio.to_thread(read)


BAD_FRAMES = [
    (frame(TEXT | RSV1, b"40"), "bad_frame"),
    (frame(TEXT, b"40", fin=False) + frame(TEXT, b"40"), "bad_frame"),
    (frame(CONTINUATION, b"40"), "bad_frame"),
    (frame(TEXT, b"4" * 9000, fin=False) + frame(CONTINUATION, b"4" * 9000, fin=False), "too_large"),
    (b"\x81\xff" + struct.pack("!Q", 1 << 40) + b"mask", "bad_frame"),
    (b"\x81\xfe" + struct.pack("!H", 20_000) + b"mask", "bad_frame"),
    (b"\x81\x0240", "bad_frame"),
    (frame(BINARY, b"40", fin=False), "binary"),
    (frame(TEXT, b'42["\xff",1]'), "bad_packet"),
    (b"\x83\x80mask", "bad_frame"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_FRAMES, ids=range(len(BAD_FRAMES)))
async def test_a_bad_frame_ends_the_connection(served: Served, bad: bytes, reason: str) -> None:
    """C1: also declared lengths, and lengths over several fragments."""
    with await bare(served) as line:
        line.sendall(bad)
        await closed(line)
    assert await soon(served.app.ended.get()) == reason
    assert served.server.connections == {}


async def test_a_message_in_fragments_is_one_message(served: Served) -> None:
    with await bare(served) as line:
        for part in (
            frame(TEXT, b"4", fin=False),
            frame(PING, b"between"),
            frame(CONTINUATION, b"", fin=False),
            frame(CONTINUATION, b"0"),
        ):
            line.sendall(part)
        await soon(served.app.came.get())


@pytest.mark.parametrize("header", ["Sec-WebSocket-Key: short", "Sec-WebSocket-Version: 13"])
async def test_a_handshake_that_fails_after_it_was_let_in_does_not_count(served: Served, header: str) -> None:
    host, port = served.host.split(":")
    with socket.create_connection((host, int(port))) as line:
        request = (
            f"GET {HANDSHAKE}websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        )
        line.sendall(f"{request}{header}\r\n\r\n".encode())
        assert (await closed(line)).startswith(b"HTTP/1.1 400")
    assert served.server.connections == {}
    assert served.app.inside == []


async def test_a_socket_that_never_connects_is_hung_up_on(serve: Serve) -> None:
    """C1: also when its CONNECT was refused, or is never answered."""
    app = App()

    async def never(_name: str) -> None:
        if app.story == ["connect"] * 2:
            await asyncio.Event().wait()

    app.while_connecting = never
    served = await serve(app, connect_seconds=0.5, finish_seconds=0.1)
    async with served.opened() as silent, served.opened() as refused:
        await refused.send('40{"token":"bad"}')
        assert (await heard(refused)).startswith("44")
        assert await hung_up(silent) == []
        assert await hung_up(refused) == []
    assert [await soon(app.ended.get()) for _ in range(2)] == ["never_connected"] * 2


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /socket.io/",
        f"GET {HANDSHAKE}websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n".encode(),
        b"GET /other HTTP/1.1\r\nHost: x\r\n\r\nGET /other HTTP/1.1\r\n",
    ],
    ids=["nothing", "half a line", "half an upgrade", "half a second request"],
)
async def test_half_a_request_is_not_waited_for(serve: Serve, begun: bytes) -> None:
    """C1"""
    served = await serve(connect_seconds=0.5)
    host, port = served.host.split(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(begun)
        answer = await closed(line)
    assert answer.count(b"others") == begun.count(b"\r\n\r\n")
    assert len(served.server.requesting) == 0


async def test_a_whole_request_is_answered_however_late_the_next_one_comes(serve: Serve) -> None:
    served = await serve(connect_seconds=0.3)
    async with served.welcomed() as (line, _), served.http() as client:
        assert (await client.get("/other")).text == "others"
        await asyncio.sleep(0.8)  # the deadline of a request that never came would have passed
        assert (await client.get("/other")).text == "others"
        await line.send('421["ask"]')
        assert (await heard(line)).startswith("431")


async def test_pages_of_other_origins_are_refused(serve: Serve) -> None:
    """C1: 403, before the upgrade; apps send no Origin."""
    served = await serve()
    named = await serve(origins=("https://console.example",))
    everybody = await serve(origins=("*",))
    for server, origin, welcome in (
        (served, f"http://{served.host}", True),
        (served, "http://127.0.0.1", False),
        (served, "https://[evil", False),
        (served, "null", False),
        (named, "https://console.example", True),
        (named, f"http://{named.host}", False),
        (everybody, "https://evil.example", True),
    ):
        with contextlib.nullcontext() if welcome else pytest.raises(InvalidStatus, match="403"):
            async with server.raw(additional_headers={"Origin": origin}) as line:
                assert (await heard(line)).startswith("0{")
    assert named.app.inside == []
