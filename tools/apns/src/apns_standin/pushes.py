"""The record of every push that reached the stand-in."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any

from apns_standin.answers import Cut

KEPT = 100_000
"""The oldest records go when there are more (some 150 MB of pushes with full payloads)."""


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


class Pushes:
    """The pushes in order of arrival. Numbers go on after `clear`, so no number is given twice."""

    def __init__(self) -> None:
        self._kept: deque[Push] = deque(maxlen=KEPT)
        self._arrived = asyncio.Event()
        self._last_seq = 0
        self._closed = False

    @property
    def last_seq(self) -> int:
        return self._last_seq

    def next_seq(self) -> int:
        self._last_seq += 1
        return self._last_seq

    def add(self, push: Push) -> None:
        self._kept.append(push)
        # Whoever waits holds this event; the next to wait gets a new one.
        self._arrived.set()
        self._arrived = asyncio.Event()

    def clear(self) -> None:
        self._kept.clear()

    def close(self) -> None:
        """Wake all who wait, with what there is: nothing more will come."""
        self._closed = True
        self._arrived.set()

    def after(self, seq: int = 0, token: str | None = None) -> list[Push]:
        """The pushes numbered above `seq`, oldest first; for one device token if given."""
        found = []
        for push in reversed(self._kept):
            if push.seq <= seq:
                break
            if token is None or push.token.lower() == token.lower():
                found.append(push)
        return found[::-1]

    async def wait_after(self, seq: int = 0, token: str | None = None, *, wait_s: float) -> list[Push]:
        """As `after`, but if there is none yet, wait up to `wait_s` for one; empty when the time is up."""
        try:
            async with asyncio.timeout(wait_s):
                while not (found := self.after(seq, token)) and not self._closed:
                    await self._arrived.wait()
                return found
        except TimeoutError:
            return []
