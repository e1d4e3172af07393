"""What both transports look at in a request: its query, its origin, where it comes from."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple
from urllib.parse import parse_qs

from sio.answers import BAD_REQUEST, BAD_VERSION, UNKNOWN_SESSION, UNKNOWN_TRANSPORT, Answer
from sio.connection import Connection
from sio.server import Server

PROTOCOL = "4"
"""Of Engine.IO."""

AddressOf = Callable[[str, str | None], str]
"""The peer's host and the `X-Forwarded-For` of its request, if any: whom it counts for."""


def peer_is_client(peer: str, _forwarded_for: str | None) -> str:
    """Nobody stands between."""
    return peer


class Query(NamedTuple):
    """Of a request to Engine.IO. What is given twice counts as it is given first."""

    transport: str
    session: str | None
    version: str | None


def read_query(query: bytes) -> Query:
    """Whatever it is that was sent."""
    found: Mapping[str, list[str]] = parse_qs(query.decode("latin-1"), max_num_fields=None)
    transport, session, version = (found.get(name, [None])[0] for name in ("transport", "sid", "EIO"))
    return Query(transport or "", session, version)


def resume(server: Server, query: Query) -> Connection | Answer:
    """The session that a request names."""
    connection = server.connections.get(query.session or "")
    return UNKNOWN_SESSION if connection is None else connection


def objection(query: Query, transport: str, allowed: Collection[str]) -> Answer | None:
    """What is wrong with a request that starts a session over `transport`, or resumes one there."""
    if query.transport not in allowed:
        return UNKNOWN_TRANSPORT
    if query.session is None and query.version != PROTOCOL:
        return BAD_VERSION
    return BAD_REQUEST if query.transport != transport else None
