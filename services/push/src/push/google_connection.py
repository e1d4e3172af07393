"""HTTP/2 to Google, on a connection that is kept open, and given up with the first request that is.

httpx cannot take back a request: its stream stays open, and when a hundred are, the connection carries
nothing more (encode/httpcore#943). And a connection from which no answer comes may be dead without knowing.
So whoever stops waiting, or hears of trouble, leaves a new connection to those who come after.
"""

import math
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from push.notifier import TooLateError

IDLE_SECONDS = 180
"""An idle connection is closed by Google after some minutes. We do it first: between two requests."""


BEGINS = "http2.send_request_headers.started"
"""A request has its stream, and nothing of it has been written."""


@dataclass
class _Line:
    client: httpx.AsyncClient
    requests: int = 0


def http2_client(tls: ssl.SSLContext, seconds: float) -> httpx.AsyncClient:
    """One connection to each host, with 100 requests at once; `seconds` without any progress end it."""
    limits = httpx.Limits(keepalive_expiry=IDLE_SECONDS)
    return httpx.AsyncClient(verify=tls, http2=True, timeout=seconds, limits=limits)


class GoogleConnection:
    """`make` makes a client; one is used until it disappoints. `clock`: seconds since 1970."""

    def __init__(self, make: Callable[[], httpx.AsyncClient], clock: Callable[[], float] = time.time) -> None:
        self._make, self._clock = make, clock
        self._line = _Line(make())

    async def post(
        self, url: str, *, content: bytes, headers: dict[str, str], deadline: float = math.inf
    ) -> httpx.Response:
        """httpx.RequestError if no answer comes, TooLateError if it may not be begun any more; may be
        cancelled."""
        line = self._line
        line.requests += 1
        answered = False
        in_time = {"trace": self._not_after(deadline)}
        try:
            answer = await line.client.post(url, content=content, headers=headers, extensions=in_time)
        except TooLateError:
            answered = True  # nothing was asked, and the connection is as good as it was
            raise
        else:
            answered = True
            return answer
        finally:
            line.requests -= 1
            if not answered and line is self._line:
                self._line = _Line(self._make())
            if not line.requests and line is not self._line:
                await line.client.aclose()

    def _not_after(self, deadline: float) -> Callable[[str, Mapping[str, Any]], Awaitable[None]]:
        """httpcore tells of each of its steps before it makes it; what is raised then ends the request."""

        async def look(step: str, _: Mapping[str, Any]) -> None:
            if step == BEGINS and self._clock() >= deadline:
                raise TooLateError

        return look

    async def aclose(self) -> None:
        """Close it; nothing may be under way."""
        await self._line.client.aclose()
