"""What the edge needs of a Socket.IO server, and what it offers to one. Nothing here knows a library."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Ack = dict[str, Any]
"""`{ok: true, …}` or `{ok: false, error: {code, message}}`."""


class Engine(Protocol):
    """Sockets, by the id that the engine gave them, and rooms, by name.

    A socket is also in a room of its own id. What is emitted to it before its CONNECT was answered is
    kept, and sent after the answer. Rooms are left when the socket goes.
    """

    async def emit(
        self,
        rooms: Collection[str],
        event: str,
        payload: object,
        *,
        offset: str | None = None,
        skip: Collection[str] = (),
        newest: str | None = None,
    ) -> None:
        """To every socket that is in any of `rooms` and not in `skip`, once. Never waits for a client.

        `offset` is added as a second argument for sockets that were welcomed as recoverable. `newest` names
        what this is the newest value of: while a client reads too slowly, it gets only the last one of them.
        """

    def join(self, socket: str, room: str) -> None:
        """Nothing happens if the socket is gone."""

    def leave(self, socket: str, room: str) -> None:
        """Nothing happens if it is not there."""

    def disconnect(self, socket: str) -> None:
        """Tell the client that it is over and hang up, soon. Clients do not come back by themselves."""

    async def drain(self, seconds: float) -> None:
        """Hang up on everybody, spread over so long; clients come back by themselves, to another edge.

        For each, what is under way finishes first, and is answered; it may take `finish_seconds`. Nobody new
        comes in: `Handlers.opening` sees to that.
        """

    def hang_up(self, socket: str) -> None:
        """End its transport without a word, soon. Clients come back by themselves."""


@dataclass(frozen=True)
class Handshake:
    """What is known of a client that wants to connect."""

    auth: object
    """What its CONNECT carried, any JSON value; official clients add `pid` and `offset` to come back."""
    address: str
    """Of the client as the network knows it: behind a trusted proxy, what the proxy says."""


@dataclass(frozen=True)
class Welcome:
    """The answer to a CONNECT."""

    pid: str | None = None
    """Session id of Socket.IO's connection state recovery: with one the socket is recoverable, its events
    carry offsets, and a client that came with the same `pid` knows that it missed nothing."""


@dataclass(frozen=True)
class Typed:
    """An event that is decoded straight into a msgspec Struct, for the hottest ones.

    What does not fit `type` goes to `Handlers.event`, which can say why.
    """

    type: type[Any]
    do: Callable[[str, Any], Ack]
    """Socket, the decoded argument. Never waits and never raises."""


def _admit_all(_address: str) -> str | None:
    return None


def _nothing(_address: str) -> None: ...


@dataclass(frozen=True)
class Handlers:
    """What an engine calls. For one socket: `connect`, then events one after the other, then `disconnect`."""

    connect: Callable[[str, Handshake], Awaitable[Welcome]]
    """A ProblemError below 500 is answered with connect_error `{code, message}`; any other hangs up without a
    word, so that the client tries again."""
    event: Callable[[str, str, tuple[Any, ...]], Awaitable[Ack]]
    """Socket, event name, arguments. Never raises."""
    disconnect: Callable[[str], Awaitable[None]]
    """Only for a socket whose `connect` came back."""
    typed: Mapping[str, Typed] = field(default_factory=dict)
    opening: Callable[[str], str | None] = _admit_all
    """A new transport from this address: None lets it in, a stable code refuses it with 503."""
    closed: Callable[[str], None] = _nothing
    """A transport from this address that was let in has ended."""
