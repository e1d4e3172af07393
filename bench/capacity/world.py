"""What everybody in the load shares: the services' addresses, what is counted, and the pace."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp

from bench.fleet import CITY, SPREAD_DEG
from stack.tokens import Role, mint

MOVED_DEG = 0.0004
"""Some 50 m, the way between two positions."""
IDLE_S = 30.0
"""Between two positions of an idle driver (C4)."""
PATIENCE_S = 300.0
JSON = "application/json"
RETRY_S, TRIES = 0.5, 60
"""For half a minute, or as long as sixty answers take."""

Place = dict[str, float]


@dataclass
class World:
    """`step_s`: between two statuses of a job. `ride_s`: between two positions on a job (C4: at most 10).
    `go_on` is clear while jobs are held under way. `failed`: what went wrong, which should be nothing."""

    urls: dict[str, str]
    key: str
    http: aiohttp.ClientSession
    step_s: float = 1.0
    ride_s: float = 10.0
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    numbers: random.Random = field(default_factory=lambda: random.Random(7))
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _works: set[asyncio.Task[None]] = field(default_factory=set)

    def token(self, sub: str, role: Role) -> str:
        return mint(sub, role, key=self.key)

    def place(self) -> Place:
        """Somewhere within some 5 km."""
        lat, lng = (self.numbers.gauss(middle, SPREAD_DEG) for middle in CITY)
        return {"lat": lat, "lng": lng}

    def moved(self, place: Place) -> Place:
        return {name: self.numbers.gauss(degrees, MOVED_DEG) for name, degrees in place.items()}

    def begin(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Work of its own. What it raises is in `failed`."""
        task = asyncio.create_task(work)
        self._works.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._works.discard(task)
        if not task.cancelled() and task.exception():
            self.failed.append(repr(task.exception()))
            self._news.set()

    def heard(self, event: str, _payload: Any) -> None:
        self.count(event)

    def count(self, what: str) -> None:
        self.counts[what] += 1
        self._news.set()

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait for the counts to be so, or a failure; one at a time. TimeoutError after five minutes."""
        async with asyncio.timeout(PATIENCE_S):
            while not (done() or self.failed):
                self._news.clear()
                await self._news.wait()

    @property
    def over(self) -> int:
        """Orders that are done, or found nobody."""
        return sum(self.counts[how] for how in ("completed", "booking:no_pilots", "booking:search_timeout"))

    async def post(self, service: str, path: str, token: str, body: Any) -> Any:
        """The answer's JSON, if any. After a 503 it is asked again. RuntimeError if it is refused."""
        headers = {"Authorization": f"Bearer {token}"}
        for _ in range(TRIES):
            async with self.http.post(self.urls[service] + path, headers=headers, json=body) as answer:
                if answer.ok:
                    return await answer.json() if answer.content_type == JSON else None
                refusal = f"{path}: {answer.status} {await answer.text()}"
            if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            self.counts["asked again"] += 1
            await asyncio.sleep(RETRY_S)
        raise RuntimeError(refusal)

    async def device(self, token: str, app: str) -> None:
        """A phone for pushes; Apple's and Google's by turns."""
        self.counts["devices"] += 1
        ios, mark = self.counts["devices"] % 2, self.numbers.randbytes(32).hex()
        body = {
            "token": mark if ios else f"{mark[:22]}:APA91b{mark}",
            "platform": "ios" if ios else "android",
            "app": app,
            "environment": "production",
        }
        await self.post("push", "/v1/devices", token, body)
