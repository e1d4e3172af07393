"""What goes out to one client: one socket of the default namespace."""

from collections.abc import Callable
from typing import Protocol

from sio import packets


class Sink(Protocol):
    """Where packets of one client go. What it cannot send at once it keeps, in order."""

    @property
    def send(self) -> Callable[[bytes], None]:
        """For one packet. Nothing happens if the client is gone."""

    def pending(self) -> int:
        """Bytes that wait to be sent."""


class Owner(Protocol):
    """Whose socket it is."""

    def end(self, reason: str) -> None:
        """Now, without a word."""

    def finish(self, reason: str, last_word: bytes | None = None) -> None:
        """After what is being handled."""


class Emission:
    """One event for many sockets, encoded once for those without and once for those with an offset."""

    __slots__ = ("_event", "_marked", "_offset", "_payload", "_plain", "newest")

    def __init__(self, event: str, payload: object, offset: str | None, newest: str | None) -> None:
        self._event, self._payload, self._offset = event, payload, offset
        self._plain: bytes | None = None
        self._marked: bytes | None = None
        self.newest = newest
        """What this is the newest value of."""

    def packet(self, recoverable: bool) -> bytes:
        """For a socket that may, or may not, come back with an offset."""
        if recoverable and self._offset is not None:
            if self._marked is None:
                self._marked = packets.event(self._event, self._payload, self._offset)
            return self._marked
        if self._plain is None:
            self._plain = packets.event(self._event, self._payload)
        return self._plain


class Socket:
    """Keeps what is emitted until its CONNECT is answered; to a slow reader sends only the newest of some.

    While `ready`, whoever has a packet for it may call `send` straight away; else `tell` is for it.
    When more waits than `most` bytes, its owner's end has come.
    """

    __slots__ = (
        "_early", "_held", "_held_bytes", "_most", "_sink", "_slow", "id", "owner", "ready", "recoverable",
        "rooms", "send",
    )  # fmt: skip

    def __init__(self, name: str, sink: Sink, most: int, owner: Owner) -> None:
        self.id, self.owner = name, owner
        self.rooms: set[str] = set()
        self.ready = False
        self.recoverable = False
        self._sink, self.send = sink, sink.send
        self._most = most
        self._early: list[tuple[bytes, bytes]] | None = []
        self._held: dict[str, bytes] | None = None
        self._held_bytes = 0
        self._slow = False

    @property
    def welcomed(self) -> bool:
        """Its CONNECT was answered with its id."""
        return self._early is None

    def welcome(self, pid: str | None) -> None:
        """Answer its CONNECT, and send what was emitted meanwhile."""
        early, self._early = self._early or [], None
        self.recoverable = pid is not None
        self.ready = not self._slow
        self.send(packets.connected(self.id, pid))
        for plain, marked in early:
            self.send(marked if self.recoverable else plain)
        self._held_bytes = 0

    def tell(self, emission: Emission) -> None:
        """One emission, now or later."""
        if self.ready:
            self.send(emission.packet(self.recoverable))
        elif self._early is not None:
            both = (emission.packet(False), emission.packet(True))
            self._early.append(both)
            self._hold(len(both[0]) + len(both[1]))
        elif emission.newest is not None:
            self._replace(emission.newest, emission.packet(self.recoverable))
        else:
            self.send(emission.packet(self.recoverable))
            self._hold(0)

    def answer(self, packet: bytes) -> None:
        """One packet that is no emission, and never left out."""
        self.send(packet)
        if self._slow:
            self._hold(0)

    def slow(self) -> None:
        """Much waits to be sent."""
        self._slow, self.ready = True, False

    def drained(self) -> None:
        """Little waits any more."""
        self._slow, self.ready = False, self._early is None
        held, self._held = self._held or {}, None
        if self._early is None:
            self._held_bytes = 0
        for packet in held.values():
            self.send(packet)

    def move(self, sink: Sink) -> None:
        """From now on packets go there."""
        self._sink, self.send = sink, sink.send

    def stop(self) -> None:
        """Nothing more goes out."""
        self.ready, self.send, self._early, self._held = False, _nowhere, None, None

    def _replace(self, newest: str, packet: bytes) -> None:
        if self._held is None:
            self._held = {}
        before = self._held.pop(newest, b"")
        self._held[newest] = packet
        self._hold(len(packet) - len(before))

    def _hold(self, more: int) -> None:
        self._held_bytes += more
        if self._held_bytes + self._sink.pending() > self._most:
            self.owner.end("slow")


def _nowhere(_packet: bytes) -> None: ...
