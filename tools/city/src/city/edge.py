"""HTTP through the one origin, as an app does it: repeated while the house is unwell."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import aiohttp

from city.clock import now

OK = 200
MULTIPLE_CHOICES = 300
SERVER_ERROR = 500
UNWELL = {502, 503, 504}  # a service is being restarted; anything else from 500 on is a defect
SLOWEST_RETRY = 2.0


@dataclass(frozen=True)
class Answer:
    """Status and JSON body of the last attempt."""

    status: int
    body: dict[str, Any]

    @property
    def ok(self) -> bool:
        return OK <= self.status < MULTIPLE_CHOICES

    @property
    def code(self) -> str:
        return str(self.body.get("code", self.status))


class UnreachableError(Exception):
    """No answer but failures until patience ended."""


@dataclass(frozen=True)
class Edge:
    """`server_errors` counts answers of 500 and above that are no mere unavailability."""

    url: str
    session: aiohttp.ClientSession
    server_errors: Counter[str]

    async def call(
        self,
        method: str,
        path: str,
        token: str,
        body: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        patience: float = 30.0,
    ) -> Answer:
        """Send until answered below 500, for at most `patience` seconds; then UnreachableError.

        A lost connection leaves open whether the request took effect: send only what may be repeated, an
        order with its Idempotency-Key (`key`).
        """
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        deadline, delay = now() + patience, 0.1
        while True:
            answer = await self._try(method, path, headers, body)
            if answer is not None and answer.status < SERVER_ERROR:
                return answer
            if now() + delay > deadline:
                raise UnreachableError(f"{method} {path}: {answer.status if answer else 'no connection'}")
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(SLOWEST_RETRY, delay * 2)

    async def get(self, path: str, token: str) -> Answer:
        return await self.call("GET", path, token)

    async def _try(
        self, method: str, path: str, headers: dict[str, str], body: dict[str, Any] | None
    ) -> Answer | None:
        try:
            async with self.session.request(method, self.url + path, headers=headers, json=body) as response:
                if response.status >= SERVER_ERROR and response.status not in UNWELL:
                    self.server_errors[f"{method} {_shape(path)} {response.status}"] += 1
                content = await response.json(content_type=None)
                return Answer(response.status, content if isinstance(content, dict) else {})
        except (aiohttp.ClientError, TimeoutError, ConnectionError, ValueError):
            return None


def _shape(path: str) -> str:
    """The path without ids, so that equal errors count together."""
    parts = path.split("?", maxsplit=1)[0].split("/")
    return "/".join("…" if any(letter.isdigit() for letter in part[2:]) else part for part in parts)
