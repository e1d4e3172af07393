"""What the edge is told by its environment."""

from pydantic import Field

from wire.settings import ServiceSettings


class Settings(ServiceSettings):
    """See `wire.settings` for the variables that all services share."""

    max_sockets: int = Field(default=20_000, ge=1)
    """Sockets open at once; past it a handshake is answered 503, and clients try again later."""
    max_message_bytes: int = Field(default=16 * 1024, ge=256, le=1024 * 1024)
    """Longest message or polling body that is read; a longer one ends its connection."""
    connect_seconds: float = Field(default=10, gt=0)
    """How long an open connection may take to send its CONNECT with a good token (C1)."""

    events_per_second: float = Field(default=50, gt=0)
    """Events that one socket may send; those past it are refused with `ERR_RATE`."""
    events_refused: int = Field(default=500, ge=1)
    """So many refused without a pause is a flood, and the socket is closed."""
    subscribes_per_minute: int = Field(default=10, ge=1)
    """`booking:subscribe` and `booking:unsubscribe` together; past it `ERR_1003` (C6)."""

    ping_interval_seconds: float = Field(default=25, gt=0)
    ping_timeout_seconds: float = Field(default=20, gt=0)
    """A client that leaves a ping unanswered for so long is gone."""
    cors_origins: tuple[str, ...] = ()
    """Web origins whose pages may connect, a JSON list (`["*"]`: all). Empty: our own. Apps send none."""
