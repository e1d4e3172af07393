"""Who may open a connection at all: how many, and how many from one address."""

from collections import Counter
from collections.abc import Callable

from realtime.metrics import REFUSED, TRANSPORTS, TRANSPORTS_MAX
from realtime.settings import Settings


class ClosedError(Exception):
    """No new connections."""


class Entrance:
    """Counts open transports. `is_ready` says whether there is any use in letting somebody in."""

    def __init__(self, settings: Settings, is_ready: Callable[[], bool]) -> None:
        self._settings, self._is_ready = settings, is_ready
        self._by_address: Counter[str] = Counter()
        self._inside = 0
        self._closing = False
        TRANSPORTS_MAX.set(settings.max_sockets)

    def opening(self, address: str) -> str | None:
        """Why this one may not come in, a stable code; or None: it is counted until it has `closed`."""
        code = self._refusal(address)
        if code:
            REFUSED.labels(code).inc()
        else:
            self._inside += 1
            TRANSPORTS.inc()
            self._by_address[address] += 1
        return code

    def _refusal(self, address: str) -> str | None:
        if self._closing or not self._is_ready():
            return "unavailable"
        if self._inside >= self._settings.max_sockets:
            return "full"
        return "too_many" if self._by_address[address] >= self._settings.max_sockets_per_address else None

    def closed(self, address: str) -> None:
        """One that was let in has gone."""
        self._inside -= 1
        TRANSPORTS.dec()
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    def close(self) -> None:
        """Nobody new comes in from now on."""
        self._closing = True

    async def check(self) -> None:
        """A readiness check: raises once it is closed, so that nobody is sent here any more."""
        if self._closing:
            raise ClosedError("The edge is being ended")
