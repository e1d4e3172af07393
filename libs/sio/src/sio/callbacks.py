"""What a server asks of the application that it serves."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sio.answers import Answer


class RefusedError(Exception):
    """Of a CONNECT: answered with connect_error. Clients do not come back by themselves."""

    def __init__(self, message: str, data: object = None) -> None:
        super().__init__(message)
        self.message, self.data = message, data


class HangUpError(Exception):
    """Of a CONNECT: hung up on without a word. Clients come back by themselves."""


@dataclass(frozen=True)
class TypedEvent:
    """An event with one argument that is decoded straight into `type`, and handled at once."""

    type: type[Any]
    do: Callable[[str, Any], object]
    """Socket, the decoded argument; returns what is acknowledged. Never waits and never raises."""


def _nobody_is_refused(_address: str) -> Answer | None:
    return None


def _nothing(_about: str) -> None: ...


@dataclass(frozen=True)
class Callbacks:
    """For one socket: `connect`, then events one after the other, then `disconnect`."""

    connect: Callable[[str, Any, str], Awaitable[str | None]]
    """Socket, what its CONNECT carried, its address. Returns the `pid` of a socket that can be recovered.
    Raises `RefusedError` or `HangUpError`."""
    event: Callable[[str, str, tuple[Any, ...]], Awaitable[object]]
    """Socket, name, arguments. Returns what is acknowledged, if the client asked."""
    disconnect: Callable[[str], Awaitable[None]]
    """Only for a socket whose `connect` came back."""
    typed: Mapping[str, TypedEvent] = field(default_factory=dict)
    """What does not fit its type goes to `event`."""
    opening: Callable[[str], Answer | None] = _nobody_is_refused
    """A new transport from this address: None lets it in."""
    closed: Callable[[str], None] = _nothing
    """A transport that was let in has ended. An upgrade is not a second one."""
    ended: Callable[[str], None] = _nothing
    """For a figure: why a transport has ended, one of a few short words."""
