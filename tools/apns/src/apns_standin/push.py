"""The record of one push that reached the stand-in."""

from dataclasses import dataclass
from typing import Any

from standins.script import Cut


@dataclass(frozen=True)
class Push:
    """One request to `/3/device/<token>` and what was decided about it.

    Recorded on arrival, before a scripted hang: a push that hangs is seen here while its sender waits.
    """

    seq: int
    received_at: float
    """Seconds since 1970."""
    token: str
    apns_id: str
    headers: dict[str, str]
    """The request's `apns-*` headers."""
    payload: dict[str, Any] | None
    """None if the body was not a JSON object."""
    status: int | None
    """As answered (after `hang_s`); None if the connection was cut instead."""
    reason: str | None
    hang_s: float
    cut: Cut | None
    connection: int
    """Which connection it came by, counted from 1."""
    provider_token: str | None
    """Twelve hex digits of the provider token's SHA-256: equal for equal tokens."""

    @property
    def title(self) -> str | None:
        return self._shown("title", "title-loc-key")

    @property
    def body(self) -> str | None:
        return self._shown("body", "loc-key")

    def _shown(self, text: str, key: str) -> str | None:
        aps = (self.payload or {}).get("aps")
        alert = aps.get("alert") if isinstance(aps, dict) else None
        if isinstance(alert, dict):
            shown = alert.get(text, alert.get(key))
            return None if shown is None else str(shown)
        return str(alert) if alert is not None and text == "body" else None
