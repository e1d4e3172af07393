"""Bytes ↔ packets: Engine.IO 4 with Socket.IO 5 inside. Pure, strict, text only.

A packet is the text of one WebSocket frame, or one part of a polling body, still as bytes. What a client may
send is a close, a pong, and messages: CONNECT, DISCONNECT, EVENT and ACK. All else is a `BadPacketError`.
"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

ROOT = "/"
"""The default namespace."""

PING, PROBE, PROBED, UPGRADED, NOOP, CLOSE = b"2", b"2probe", b"3probe", b"5", b"6", b"1"
DISCONNECT = b"41"
PONG = b"3"
SEPARATOR = b"\x1e"
"""Between the packets of one polling body."""

MAX_ACK_DIGITS = 16
"""An id that a client counts up in doubles has no more."""
RESERVED = frozenset({"connect", "disconnect", "connect_error", "*"})
"""Events that a library raises itself; from a client they would pass for the library's own."""

_MESSAGE, _CONNECT, _DISCONNECT, _EVENT, _ACK = b"4", b"0", b"1", b"2", b"3"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a msgspec decoder raises about bytes from a client."""


class BadPacketError(Exception):
    """Nothing that a client may send. The only thing raised about what it sent."""


class Pong(NamedTuple):
    """The answer to a ping."""


class Close(NamedTuple):
    """The client ends its session."""


class Connect(NamedTuple):
    namespace: str
    auth: Any
    """Any JSON value; None if it brought none."""


class Disconnect(NamedTuple):
    namespace: str


class Event(NamedTuple):
    namespace: str
    name: str
    arguments: tuple[Any, ...]
    ack: bytes
    """Digits, as the client wrote them. Empty: it wants no answer."""


class Ack(NamedTuple):
    namespace: str


class Outline(NamedTuple):
    """An event of the default namespace, with its arguments not yet decoded."""

    name: bytes
    ack: bytes
    arguments: bytes
    """JSON, separated by commas; whether it is well-formed shows when it is decoded."""


Packet = Pong | Close | Connect | Disconnect | Event | Ack


def encode_json(value: object) -> bytes:
    """Also of half a surrogate pair."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def read(packet: bytes) -> Packet:
    """What a client says. Raises `BadPacketError` and nothing else."""
    if packet[:1] == _MESSAGE:
        return _message(packet)
    if packet == PONG:
        return Pong()
    if packet == CLOSE:
        return Close()
    raise BadPacketError("not a packet that a client may send")


def outline(packet: bytes) -> Outline | None:
    """The event in `packet`, found without decoding it. None: it is no event, or no plain one; `read` it."""
    opening = packet.find(b'["', 2, MAX_ACK_DIGITS + 4)
    if opening < 0 or packet[:2] != b"42" or packet[-1:] != b"]":
        return None
    closing = packet.find(b'"', opening + 2)
    ack = packet[2:opening]
    if packet[closing + 1 : closing + 2] != b"," or not (ack.isdigit() or not ack) or not is_text(packet):
        return None
    return Outline(packet[opening + 2 : closing], ack, packet[closing + 2 : -1])


def is_text(packet: bytes) -> bool:
    """Whether it is UTF-8, as text has to be."""
    if packet.isascii():
        return True
    try:
        packet.decode()
    except UnicodeDecodeError:
        return False
    return True


def split_payload(body: bytes) -> list[bytes]:
    """The packets in the body of a POST, not yet read."""
    return body.split(SEPARATOR)


def join_payload(packets: Iterable[bytes]) -> bytes:
    """The body that answers a GET."""
    return SEPARATOR.join(packets)


def opened(
    session: str, upgrades: list[str], ping_interval: float, ping_timeout: float, most_bytes: int
) -> bytes:
    """Engine.IO's handshake; intervals in seconds."""
    said = {
        "sid": session,
        "upgrades": upgrades,
        "pingInterval": round(ping_interval * 1000),
        "pingTimeout": round(ping_timeout * 1000),
        "maxPayload": most_bytes,
    }
    return b"0" + encode_json(said)


def connected(socket: str, pid: str | None) -> bytes:
    """The answer to a CONNECT; with a `pid` the client may recover its connection later."""
    return b"40" + encode_json({"sid": socket} if pid is None else {"sid": socket, "pid": pid})


def connect_error(namespace: str, message: str, data: object = None) -> bytes:
    """The refusal of a CONNECT."""
    said = {"message": message} if data is None else {"message": message, "data": data}
    return b"44" + (b"" if namespace == ROOT else namespace.encode() + b",") + encode_json(said)


def event(name: str, *arguments: object) -> bytes:
    """Of the default namespace."""
    return b"42" + encode_json([name, *arguments])


def ack(number: bytes, answer: object) -> bytes:
    """`number`: of the event that is answered."""
    return b"43" + number + encode_json([answer])


def _message(packet: bytes) -> Packet:
    kind = packet[1:2]
    if not is_text(packet):
        raise BadPacketError("not UTF-8")
    namespace, rest = _namespace(packet, 2)
    if kind == _EVENT:
        number, body = _number(rest)
        return _event(namespace, number, _decoded(body))
    if kind == _CONNECT:
        return Connect(namespace, _decoded(rest) if rest else None)
    if kind == _DISCONNECT and not rest:
        return Disconnect(namespace)
    if kind == _ACK:
        number, body = _number(rest)
        if number and isinstance(_decoded(body), list):
            return Ack(namespace)
    raise BadPacketError("not a message that a client may send")


def _namespace(packet: bytes, start: int) -> tuple[str, bytes]:
    """The namespace, without the query that old clients add, and what comes after it."""
    if packet[start : start + 1] != b"/":
        return ROOT, packet[start:]
    name, _, rest = packet[start:].partition(b",")
    return name.partition(b"?")[0].decode(), rest


def _number(rest: bytes) -> tuple[bytes, bytes]:
    body = rest.lstrip(b"0123456789")
    number = rest[: len(rest) - len(body)]
    if len(number) > MAX_ACK_DIGITS:
        raise BadPacketError("too long an id")
    return number, body


def _event(namespace: str, number: bytes, said: Any) -> Event:
    if not isinstance(said, list) or not said or not isinstance(said[0], str) or said[0] in RESERVED:
        raise BadPacketError("an event without a name of its own")
    return Event(namespace, said[0], tuple(said[1:]), number)


def _decoded(body: bytes) -> Any:
    """Also what Python takes for JSON and RFC 8259 does not, as half a surrogate pair, or NaN: some clients
    send it, and the application can say what is wrong with it."""
    try:
        return _decode(body)
    except UNDECODABLE:
        pass
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadPacketError("not JSON") from error
