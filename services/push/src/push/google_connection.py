"""HTTP/2 to Google, on a connection that is kept open, and given up with the first request that is.

httpx cannot take back a request: its stream stays open, and when a hundred are, the connection carries
nothing more (encode/httpcore#943). And a connection from which no answer comes may be dead without knowing.
So whoever stops waiting, or hears of trouble, leaves a new connection to those who come after.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass

import httpx

IDLE_SECONDS = 180
"""An idle connection is closed by Google after some minutes. We do it first: between two requests."""


@dataclass
class _Line:
    client: httpx.AsyncClient
    requests: int = 0


def http2_client(tls: ssl.SSLContext, seconds: float) -> httpx.AsyncClient:
    """One connection to each host, with 100 requests at once; `seconds` without any progress end it."""
    limits = httpx.Limits(keepalive_expiry=IDLE_SECONDS)
    return httpx.AsyncClient(verify=tls, http2=True, timeout=seconds, limits=limits)


class GoogleConnection:
    """`make` makes a client; one is used until it disappoints."""

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._line = _Line(make())

    async def post(self, url: str, *, content: bytes, headers: dict[str, str]) -> httpx.Response:
        """httpx.RequestError if no answer comes; may be cancelled."""
        line = self._line
        line.requests += 1
        answered = False
        try:
            answer = await line.client.post(url, content=content, headers=headers)
            answered = True
            return answer
        finally:
            line.requests -= 1
            if not answered and line is self._line:
                self._line = _Line(self._make())
            if not line.requests and line is not self._line:
                await line.client.aclose()

    async def aclose(self) -> None:
        """Close it; nothing may be under way."""
        await self._line.client.aclose()
