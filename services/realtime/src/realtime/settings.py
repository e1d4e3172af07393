"""What the edge is told by its environment."""

from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from pydantic import Field

from wire.settings import ServiceSettings

FINISH_SECONDS = 7.0
"""An event asks a neighbour at most twice, for three seconds each."""


class Settings(ServiceSettings):
    """See `wire.settings` for the variables that all services share."""

    engine: Literal["fast", "socketio"] = "fast"
    """The Socket.IO server: our own, or python-socketio."""

    max_sockets: int = Field(default=20_000, ge=1)
    """Sockets open at once; past it a handshake is answered 503, and clients try again later."""
    max_sockets_per_address: int = Field(default=1_000, ge=1)
    """Sockets open at once from one address; many phones may share one. Past it 503 likewise."""
    max_sockets_per_user: int = Field(default=20, ge=1)
    """Sockets of one person at one edge; past it CONNECT is refused with `too_many_sockets`."""
    max_message_bytes: int = Field(default=16 * 1024, ge=256, le=1024 * 1024)
    """Longest message or polling body that is read; a longer one ends its connection."""
    send_buffer_bytes: int = Field(default=1024 * 1024, ge=64 * 1024)
    """So much waits for one slow reader at most; then its connection ends (C1)."""
    connect_seconds: float = Field(default=10, gt=0)
    """How long an open connection may take to send its CONNECT with a good token (C1)."""

    events_per_second: float = Field(default=50, gt=0)
    """Events that one socket may send; those past it are refused with `ERR_RATE`."""
    frames_per_event: float = Field(default=4, ge=1)
    """Frames are read from one WebSocket at most this many times as fast as it may send events."""
    events_refused: int = Field(default=500, ge=1)
    """So many refused without a pause is a flood, and the socket is closed."""
    subscribes_per_minute: int = Field(default=10, ge=1)
    """`booking:subscribe` and `booking:unsubscribe` together; past it `ERR_1003` (C6)."""
    dashboard_seconds: float = Field(default=1, gt=0, le=60)
    """An admin's dashboard is told the figures at most so often (C9)."""

    track_seconds: float = Field(default=0, ge=0)
    """So far apart are the positions that go into a job's history; 0: all that are used (C3, C11)."""
    recover_seconds: float = Field(default=180, ge=0, le=3600)
    """How old the oldest event may be that a returning client is told; past it, it gets a snapshot (C7)."""

    drain_spread_seconds: float = Field(default=3, ge=0)
    """On SIGTERM clients are sent to another edge over so long, so that they do not all come there at once;
    at most half of `drain_seconds`."""
    ping_interval_seconds: float = Field(default=25, gt=0)
    ping_timeout_seconds: float = Field(default=20, gt=0)
    """A client that leaves a ping unanswered for so long is gone."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes that share the port. With more than one, clients cannot poll."""
    polling: bool = True
    """Whether clients may poll. Where one address stands for several edges they must not: their requests
    would reach edges that do not know them."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks whose `X-Forwarded-For` is believed, a JSON list. Empty: the peer is the client."""
    cors_origins: tuple[str, ...] = ()
    """Web origins whose pages may connect, a JSON list (`["*"]`: all). Empty: our own. Apps send none."""

    @property
    def transports(self) -> tuple[str, ...]:
        """Of Engine.IO, those that are offered."""
        return ("polling", "websocket") if self.polling and self.workers == 1 else ("websocket",)

    @property
    def spread_seconds(self) -> float:
        """`drain_spread_seconds`, but at most half of `drain_seconds`: those who are hung up on last have
        something under way, too."""
        return min(self.drain_spread_seconds, self.drain_seconds / 2)

    @property
    def finish_seconds(self) -> float:
        """What is under way for a socket that is hung up on, and its answer, may take so long."""
        return min(FINISH_SECONDS, self.drain_seconds - self.spread_seconds)
