"""What comes in from one client: handled one after the other, and no faster than its rate."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

MOST_WAITING = 32
"""Packets behind one that is still being handled; with more the client is not read from."""
SHORTEST_PAUSE = 0.05
"""Seconds. A client that is too fast is paused for at least so long, not for each of its packets."""


class Source(Protocol):
    """Where packets come from, and can be held back."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...


class Line:
    """Hands packets to `handle`, unless the one before is not done (`busy`) or the client is too fast.

    The rate is that of a bucket which looks at the clock only when it is empty: in one burst no more than
    twice a second's worth. There is a timer only while a client is held back.
    """

    __slots__ = (
        "_filled_at",
        "_handle",
        "_loop",
        "_rate",
        "_source",
        "_timer",
        "_tokens",
        "_waiting",
        "busy",
        "paused",
    )

    def __init__(self, handle: Callable[[bytes], None], source: Source, rate: float) -> None:
        self._handle, self._source, self._rate = handle, source, rate
        self._loop = asyncio.get_running_loop()
        self._tokens, self._filled_at = max(1.0, rate), self._loop.time()
        self._waiting: deque[bytes] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.busy = False
        """Set by who handles: what it was given is still under way. `go_on` once it is not."""
        self.paused = False

    def __len__(self) -> int:
        """Packets that wait."""
        return len(self._waiting or ())

    @property
    def idle(self) -> bool:
        """Nothing is being handled, and nothing waits."""
        return not (self.busy or self._waiting)

    def put(self, packet: bytes) -> None:
        """The next packet."""
        if self.busy or self._waiting or not self._take():
            self._wait(packet)
        else:
            self._handle(packet)

    def count(self) -> None:
        """Something came that is no packet, and costs as much."""
        if not self._take():
            self._tokens -= 1  # it cannot wait in line, so it is owed

    def go_on(self) -> None:
        """What was being handled is done."""
        while self._waiting and not self.busy and self._take():
            self._handle(self._waiting.popleft())
        if not self._waiting:
            self._waiting = None
            if self.paused and self._timer is None:
                self.paused = False
                self._source.resume()

    def hurry(self) -> None:
        """The client has left: what still waits is all there is, and need not be held back."""
        self._rate = self._tokens = float("inf")
        self._stop_timer()
        self.go_on()

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting = None
        self._stop_timer()

    def read_from(self, source: Source) -> None:
        """From now on packets come from here."""
        self._source = source
        if self.paused:
            source.pause()

    def _wait(self, packet: bytes) -> None:
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(packet)
        if len(self._waiting) >= MOST_WAITING:
            self._pause()

    def _take(self) -> bool:
        if self._allowed():
            self._tokens -= 1
            return True
        self._hold_back()
        return False

    def _allowed(self) -> bool:
        """Whether the client has earned one more."""
        if self._tokens < 1:
            now = self._loop.time()
            earned = self._tokens + (now - self._filled_at) * self._rate
            self._tokens, self._filled_at = min(max(1.0, self._rate), earned), now
        return self._tokens >= 1

    def _hold_back(self) -> None:
        self._pause()
        if self._timer is None:
            self._timer = self._loop.call_later(
                max(SHORTEST_PAUSE, (1 - self._tokens) / self._rate), self._held_back
            )

    def _held_back(self) -> None:
        self._timer = None
        if self._allowed():
            self.go_on()
        else:
            self._hold_back()

    def _pause(self) -> None:
        if not self.paused:
            self.paused = True
            self._source.pause()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
