"""What the edge needs of a Socket.IO server, and what it offers to one. Nothing here knows a library."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

Ack = dict[str, Any]
"""`{ok: true, …}` or `{ok: false, error: {code, message}}`."""


class Engine(Protocol):
    """Sockets, by the id that the engine gave them, and rooms, by name.

    A socket is also in a room of its own id. What is emitted to it before its CONNECT was answered is
    kept, and sent after the answer. Rooms are left when the socket goes.
    """

    async def emit(self, rooms: Collection[str], event: str, payload: object) -> None:
        """To every socket that is in any of `rooms`, once. Never waits for a client."""

    def join(self, socket: str, room: str) -> None:
        """Nothing happens if the socket is gone."""

    def leave(self, socket: str, room: str) -> None:
        """Nothing happens if it is not there."""

    def disconnect(self, socket: str) -> None:
        """Tell the client that it is over and hang up, soon. Clients do not come back by themselves."""


@dataclass(frozen=True)
class Handlers:
    """What an engine calls. For one socket: `connect`, then events one after the other, then `disconnect`."""

    connect: Callable[[str, object], Awaitable[None]]
    """Socket, `auth.token` as it came. ProblemError 401 is answered with connect_error `{code, message}`;
    503 hangs up without a word, so that the client tries again."""
    event: Callable[[str, str, tuple[Any, ...]], Awaitable[Ack]]
    """Socket, event name, arguments. Never raises."""
    disconnect: Callable[[str], Awaitable[None]]
    """Only for a socket whose `connect` came back."""
