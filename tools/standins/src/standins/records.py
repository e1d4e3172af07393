"""The record of every push that reached a stand-in."""

import asyncio
from collections import deque
from typing import Generic, Protocol, TypeVar

KEPT = 100_000
"""The oldest records go when there are more (some 150 MB of pushes with full payloads)."""


class Recorded(Protocol):
    """One push: its number, counted from 1, and the device that it was for."""

    @property
    def seq(self) -> int: ...

    @property
    def token(self) -> str: ...


P = TypeVar("P", bound=Recorded)


class Pushes(Generic[P]):
    """The pushes in order of arrival. Numbers go on after `clear`, so no number is given twice."""

    def __init__(self) -> None:
        self._kept: deque[P] = deque(maxlen=KEPT)
        self._arrived = asyncio.Event()
        self._last_seq = 0
        self._closed = False

    @property
    def last_seq(self) -> int:
        return self._last_seq

    def next_seq(self) -> int:
        self._last_seq += 1
        return self._last_seq

    def add(self, push: P) -> None:
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

    def after(self, seq: int = 0, token: str | None = None) -> list[P]:
        """The pushes numbered above `seq`, oldest first; for one device token if given."""
        found = []
        for push in reversed(self._kept):
            if push.seq <= seq:
                break
            if token is None or push.token.lower() == token.lower():
                found.append(push)
        return found[::-1]

    async def wait_after(self, seq: int = 0, token: str | None = None, *, wait_s: float) -> list[P]:
        """As `after`, but if there is none yet, wait up to `wait_s` for one; empty when the time is up."""
        try:
            async with asyncio.timeout(wait_s):
                while not (found := self.after(seq, token)) and not self._closed:
                    await self._arrived.wait()
                return found
        except TimeoutError:
            return []
