"""How much one socket may send."""

import asyncio
from collections import deque
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds, monotonic."""


def monotonic() -> float:
    """The event loop's clock."""
    return asyncio.get_running_loop().time()


class Bucket:
    """So many a second, with a second's worth saved up at most."""

    def __init__(self, rate: float, clock: Clock = monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._tokens, self._at = max(1.0, rate), clock()
        self.refused = 0
        """Takes refused since one was last granted with half of the bucket full."""

    def take(self) -> bool:
        """Whether one more is within the rate."""
        now, most = self._clock(), max(1.0, self._rate)
        self._tokens, self._at = min(most, self._tokens + (now - self._at) * self._rate), now
        if self._tokens < 1:
            self.refused += 1
            return False
        if self._tokens >= most / 2:
            self.refused = 0
        self._tokens -= 1
        return True

    def wait(self) -> float:
        """Seconds until the next take is granted."""
        return max(0.0, (1 - self._tokens) / self._rate)


class Window:
    """So many in any `seconds`."""

    def __init__(self, most: int, seconds: float, clock: Clock = monotonic) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._taken: deque[float] = deque()

    def take(self) -> bool:
        """Whether one more is within the limit."""
        now = self._clock()
        while self._taken and self._taken[0] <= now - self._seconds:
            self._taken.popleft()
        if len(self._taken) >= self._most:
            return False
        self._taken.append(now)
        return True
