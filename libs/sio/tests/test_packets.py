"""Bytes ↔ packets, and a million attempts to break them."""

import json
import random
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from sio import packets
from sio.packets import Ack, BadPacketError, Close, Connect, Disconnect, Event, Outline, Pong

VALID = [
    (b"3", Pong()),
    (b"1", Close()),
    (b"40", Connect("/", None)),
    (b'40{"token":"a"}', Connect("/", {"token": "a"})),
    (b"40/,{}", Connect("/", {})),
    (b"40/?a=b,{}", Connect("/", {})),
    (b'40/admin,{"token":"a"}', Connect("/admin", {"token": "a"})),
    (b"40/admin", Connect("/admin", None)),
    (b"41", Disconnect("/")),
    (b"41/admin,", Disconnect("/admin")),
    (b'42["a"]', Event("/", "a", (), b"")),
    (b'42["a",1,{"b":[null,true,"\\u00e4\xc3\xa4"]}]', Event("/", "a", (1, {"b": [None, True, "ää"]}), b"")),
    (b'4212["a",1.5]', Event("/", "a", (1.5,), b"12")),
    (b'42/admin,12["a"]', Event("/admin", "a", (), b"12")),
    (b'42["a","\\ud83d",Infinity]', Event("/", "a", ("\ud83d", float("inf")), b"")),
    (b"4312[]", Ack("/")),
    (b'43/admin,12["a"]', Ack("/admin")),
    (b'42["pilot:location",{"lat":12.97,"lng":77.59,"heading":90}]',
     Event("/", "pilot:location", ({"lat": 12.97, "lng": 77.59, "heading": 90},), b"")),
]  # fmt: skip


@pytest.mark.parametrize(("packet", "said"), VALID, ids=[packet.decode() for packet, _ in VALID])
def test_what_a_client_may_say(packet: bytes, said: packets.Packet) -> None:
    assert packets.read(packet) == said
    assert type(packets.read(packet)) is type(said)


@pytest.mark.parametrize(
    ("packet", "found"),
    [
        (b'42["a",{"b":1}]', Outline(b"a", b"", b'{"b":1}')),
        (b'4212["a",1,2]', Outline(b"a", b"12", b"1,2")),
        (b'42["a"]', None),
        (b'42["a\\"",1]', None),
        (b'42["a" ,1]', None),
        (b'42/admin,["a",1]', None),
        (b'42x["a",1]', None),
        (b'43["a",1]', None),
        (b'42["a",1', None),
        (b'42["a","\xff"]', None),
    ],
)
def test_an_event_is_found_without_decoding_it(packet: bytes, found: Outline | None) -> None:
    assert packets.outline(packet) == found


def test_what_is_said_to_clients() -> None:
    assert packets.connected("s", None) == b'40{"sid":"s"}'
    assert packets.connected("s", "p") == b'40{"sid":"s","pid":"p"}'
    assert packets.connect_error("/", "No", {"code": "x"}) == b'44{"message":"No","data":{"code":"x"}}'
    assert packets.connect_error("/ä", "No") == '44/ä,{"message":"No"}'.encode()
    assert packets.event("n", {"a": 1}, "o") == b'42["n",{"a":1},"o"]'
    assert packets.ack(b"7", {"ok": True}) == b'437[{"ok":true}]'
    assert packets.ack(b"7", "\ud83d") == b'437["\\ud83d"]'
    assert packets.join_payload(packets.split_payload(b"a\x1eb")) == b"a\x1eb"


ALPHABET = [
    *(bytes([byte]) for byte in b'0123456789[]{}",:-/?\\x1eb\x1e\x00\xff\xc3\xa4 enult.'),
    b'["',
    b"42",
    b"\\u",
]
RESERVED = {"connect", "disconnect", "connect_error", "*"}


def mutations(seed: int, count: int) -> Iterator[bytes]:
    """Valid packets with bytes changed, dropped, doubled, and parts of others; and noise."""
    dice = random.Random(seed)
    valid = [packet for packet, _ in VALID]
    for _ in range(count):
        packet = dice.choice(valid)
        for _ in range(dice.randrange(4)):
            at, to = sorted((dice.randrange(len(packet) + 1), dice.randrange(len(packet) + 1)))
            match dice.randrange(5):
                case 0:
                    packet = packet[:at] + dice.choice(ALPHABET) + packet[at + 1 :]
                case 1:
                    packet = packet[:at] + packet[to:]
                case 2:
                    packet = packet[:to] + packet[at:]
                case 3:
                    packet = packet[:at] + dice.choice(valid)[at:]
                case _:
                    packet = packet[:at] + dice.randbytes(dice.randrange(4)) + packet[to:]
        yield packet


def try_to_read(packet: bytes) -> packets.Packet | None:
    try:
        return packets.read(packet)
    except BadPacketError:
        return None


def check(packet: bytes) -> bool:
    """Whether it was understood; in any case nothing else was raised, and no rule was broken."""
    said, found = try_to_read(packet), packets.outline(packet)
    if isinstance(said, Event):
        assert said.name not in RESERVED
        assert said.ack.isdigit() or not said.ack
    if found is not None and isinstance(said, Event) and b"\\" not in found.name:
        assert (found.name.decode(), found.ack) == (said.name, said.ack)
        assert repr(tuple(json.loads(b"[" + found.arguments + b"]"))) == repr(said.arguments)
    return said is not None


def measured(run: Callable[[], int]) -> tuple[int, int]:
    """What `run` returns, and the bytes that are still held afterwards."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        result = run()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return result, after - before


@pytest.mark.parametrize("seed", range(7))
def test_mutations_raise_nothing_but_bad_packet(seed: int) -> None:
    """C1"""
    understood = sum(check(packet) for packet in mutations(seed, 150_000))
    assert 30_000 < understood < 135_000, "neither all noise nor all good"


def test_payloads_are_split_into_packets_that_are_read_one_by_one() -> None:
    """C1"""
    dice, read = random.Random(0), 0
    pieces = list(mutations(99, 20_000))
    for _ in range(50_000):
        body = packets.SEPARATOR.join(dice.choices(pieces, k=dice.randrange(6)))
        for packet in packets.split_payload(body):
            check(packet)
            read += 1
    assert read > 100_000


def test_reading_holds_no_memory() -> None:
    """C1"""
    _, held = measured(lambda: sum(check(packet) for packet in mutations(1000, 20_000)))
    assert held < 100_000
