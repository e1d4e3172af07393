"""The record of one push that reached the stand-in."""

from dataclasses import dataclass
from typing import Any

from standins.script import Cut


@dataclass(frozen=True)
class Push:
    """One request to `messages:send` and what was decided about it.

    Recorded on arrival, before a scripted hang: a push that hangs is seen here while its sender waits.
    """

    seq: int
    received_at: float
    """Seconds since 1970."""
    token: str
    """The registration token that it was for; empty if none could be read."""
    name: str | None
    """What an accepted message is called: `projects/<project>/messages/<id>`."""
    message: dict[str, Any] | None
    """As sent; None if the body held none."""
    status: int | None
    """As answered (after `hang_s`); None if the connection was cut instead."""
    error: str | None
    hang_s: float
    cut: Cut | None
    connection: int
    """Which connection it came by, counted from 1."""
    access_token: str | None
    """Twelve hex digits of the access token's SHA-256: equal for equal tokens."""

    @property
    def title(self) -> str | None:
        return self._shown("title")

    @property
    def body(self) -> str | None:
        return self._shown("body")

    def _shown(self, name: str) -> str | None:
        notification = (self.message or {}).get("notification")
        shown = notification.get(name) if isinstance(notification, dict) else None
        return None if shown is None else str(shown)
