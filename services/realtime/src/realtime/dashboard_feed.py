"""The admins' dashboard, live (C9): while an admin of this edge watches it, and not a second longer.

What the streams have is read once, and what came since every `dashboard_seconds`. Nothing of it is kept, at
the server or here, when nobody watches; an edge that has just started reads the same and says the same.
"""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic.alias_generators import to_camel

from realtime import rooms
from realtime.dashboard import Dashboard, Stats
from realtime.dashboard_facts import ABOUT_DRIVERS, ABOUT_JOBS, fact_of
from realtime.metrics import DASHBOARD, EVENTS_OUT, UNREADABLE
from realtime.words import iso
from wire import direct, history

if TYPE_CHECKING:
    from realtime.edge import Edge

log = structlog.get_logger()

STATS = "dashboard:stats"
FIRST_SECONDS = 3.0
"""How long an admin waits for the first reading; if it takes longer the figures come as an event."""
AT_ONCE = 200
"""Messages worked off before sockets have their turn."""

_SOURCES = {"DISPATCH": ABOUT_JOBS, "DRIVERS": ABOUT_DRIVERS}


class Feed:
    """What this edge has to say now. `current` is None while nobody watches, and before the first reading."""

    def __init__(self) -> None:
        self.current: dict[str, Any] | None = None
        self.told: dict[str, dict[str, Any]] = {}
        """What each socket was told last."""
        self._wanted, self._changed = asyncio.Event(), asyncio.Condition()

    async def stats(self) -> dict[str, Any] | None:
        """For an admin that is in the room. None if the streams cannot be read so soon; that goes on."""
        self._wanted.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_SECONDS), self._changed:
                await self._changed.wait_for(lambda: self.current is not None)
        return self.current

    async def wait(self, seconds: float) -> None:
        """Until somebody asks, or so long: rooms are also entered without asking, after a reconnect (C7)."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wanted.wait()
        self._wanted.clear()

    async def update(self, current: dict[str, Any]) -> None:
        """For those who wait for it."""
        async with self._changed:
            self.current = current
            self._changed.notify_all()

    def end(self) -> None:
        """Nobody watches any more."""
        self.current = None
        self.told.clear()


class Reader:
    """The dashboard as of what was read so far."""

    def __init__(self) -> None:
        self.dashboard = Dashboard()
        self._ends: dict[str, history.End] = {}

    async def read(self, nc: Client) -> None:
        """Whatever is new. nats.errors.Error or TimeoutError: again, later."""
        ends = {stream: await history.end_of(nc, stream) for stream in _SOURCES}
        if any(self._is_another(stream, end) for stream, end in ends.items()):
            self.dashboard, self._ends = Dashboard(), {}
        for stream, end in ends.items():
            known = self._ends.get(stream)
            if known is None:
                await self._read_all(nc, stream)
            elif known.seq < end.seq:
                await self._read_since(nc, stream, known.seq)
            self._ends[stream] = end

    def _is_another(self, stream: str, end: history.End) -> bool:
        known = self._ends.get(stream, end)
        return known.made != end.made or known.seq > end.seq

    async def _read_all(self, nc: Client, stream: str) -> None:
        for wanted in _SOURCES[stream]:
            async with aclosing(history.pages(nc, stream, wanted)) as pages:
                async for page in pages:
                    for start in range(0, len(page), AT_ONCE):
                        self._learn(page[start : start + AT_ONCE])
                        await asyncio.sleep(0)

    async def _read_since(self, nc: Client, stream: str, seq: int) -> None:
        """Some of it may have been read before; the fold knows."""
        for wanted in _SOURCES[stream]:
            async for message in direct.matching(nc, stream, wanted, seq + 1):
                self._learn([message])

    def _learn(self, messages: Iterable[Msg]) -> None:
        for message in messages:
            try:
                fact = fact_of(message)
            except ValueError as error:
                UNREADABLE.inc()
                log.warning("dashboard.unreadable", subject=message.subject, reason=str(error)[:200])
                continue
            if fact:
                self.dashboard.learn(fact)


async def run(edge: "Edge") -> None:
    """For ever: whenever somebody watches."""
    while True:
        await edge.dashboard.wait(edge.settings.dashboard_seconds)
        if _watchers(edge):
            try:
                with DASHBOARD.track_inprogress():
                    await _show(edge)
            finally:
                edge.dashboard.end()


async def greet(edge: "Edge", socket: str) -> dict[str, Any] | None:
    """The figures to an admin that has just entered the room, and in any case as an event to it."""
    feed = edge.dashboard
    feed.told.pop(socket, None)
    said = await feed.stats()
    if said and feed.told.get(socket) is not said:  # unless it got them with the others while it waited
        feed.told[socket] = said
        await edge.tell(socket, STATS, said)
    return said


def _watchers(edge: "Edge") -> set[str]:
    return edge.members.inside([rooms.DASHBOARD.name])


async def _show(edge: "Edge") -> None:
    """While there is somebody, the figures, whenever they have changed."""
    reader, feed = Reader(), edge.dashboard
    while _watchers(edge):
        try:
            await reader.read(edge.nc)
        except (nats.errors.Error, TimeoutError) as error:
            log.warning("dashboard.unread", error=repr(error))
        else:
            said = payload(reader.dashboard.stats(datetime.now(UTC)))
            if said != feed.current:
                await feed.update(said)
        await _tell_who_is_behind(edge)
        await asyncio.sleep(edge.settings.dashboard_seconds)


async def _tell_who_is_behind(edge: "Edge") -> None:
    """Sockets that are catching up (C7) are told at a later turn."""
    feed, here = edge.dashboard, _watchers(edge)
    feed.told = {socket: said for socket, said in feed.told.items() if socket in here}
    if feed.current is None:
        return
    behind = {socket for socket in here if feed.told.get(socket) is not feed.current}
    behind -= edge.recovery.set_aside(behind, None)
    if behind:
        feed.told |= dict.fromkeys(behind, feed.current)
        await edge.engine.emit(behind, STATS, feed.current, newest=rooms.DASHBOARD.name)
        EVENTS_OUT.labels(STATS).inc(len(behind))


def payload(stats: Stats) -> dict[str, Any]:
    """`activeBookings, onlinePilots, …, updatedAt` (RFC 3339, or null)."""
    said = {to_camel(name): value for name, value in asdict(stats).items()}
    return said | {"updatedAt": iso(stats.updated_at) if stats.updated_at else None}
