"""How far this edge, or a client, has come in the stream of all that apps are told (ADR 9)."""

import re
from dataclasses import dataclass
from hashlib import blake2s

from nats.aio.client import Client

from contracts.streams import DISPATCH
from wire.history import end_of

_OFFSET = re.compile(r"([0-9a-f]{8})\.([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True)
class Position:
    """A sequence of one making of the stream: a stream that was made anew counts from 1 again."""

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.seq}"


def parse(offset: object) -> Position | None:
    """What a client brings back; None unless it looks like one of our offsets."""
    found = _OFFSET.fullmatch(offset) if isinstance(offset, str) else None
    return Position(found[1], int(found[2])) if found else None


async def end_of_stream(nc: Client) -> Position:
    """The stream's last message. nats.errors.Error, TimeoutError."""
    end = await end_of(nc, DISPATCH.name)
    return Position(blake2s(end.made.encode(), digest_size=4).hexdigest(), end.seq)
