"""Who is in which room on this edge, and the subscriptions that follow from it.

The first socket in a room subscribes to its subjects, the last one out unsubscribes, so that the bus sends
this edge nothing but what concerns somebody here.
"""

import asyncio
import contextlib
from collections.abc import Collection, Coroutine
from dataclasses import dataclass, field

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.subscription import Subscription

from realtime.arrivals import Arrivals
from realtime.engine import Engine
from realtime.rooms import Room
from wire.problem import ProblemError

log = structlog.get_logger()

FLUSH_SECONDS = 3
"""How long the server may take to confirm that it has our subscriptions."""


@dataclass(eq=False)
class _Meeting:
    listening: asyncio.Task[list[Subscription]]
    sockets: set[str] = field(default_factory=set)


class Membership:
    """Sockets by room and rooms by socket. Messages of all subscriptions go into one queue, in order."""

    def __init__(self, nc: Client, engine: Engine, arrivals: Arrivals) -> None:
        self._nc, self._engine, self._arrivals = nc, engine, arrivals
        self._confirmation = _Confirmation(nc)
        self._meetings: dict[str, _Meeting] = {}
        self._rooms: dict[str, set[str]] = {}

    def admit(self, socket: str) -> None:
        """Until `leave_all`, this socket can be in rooms."""
        self._rooms[socket] = set()

    def enter(self, socket: str, room: Room) -> Coroutine[None, None, None]:
        """Join now; awaited, it returns when the server routes the room's events here: none is missed then.

        ProblemError 503 when the server does not confirm in time; the socket is then not in the room. For a
        socket that has gone meanwhile nothing happens.
        """
        return self._confirmed(socket, room, self._join(socket, room))

    def _join(self, socket: str, room: Room) -> _Meeting | None:
        if socket not in self._rooms:
            return None
        meeting = self._meetings.get(room.name)
        if meeting is None:
            meeting = _Meeting(asyncio.create_task(self._listen(room.subjects)))
            self._meetings[room.name] = meeting
        meeting.sockets.add(socket)
        self._rooms[socket].add(room.name)
        self._engine.join(socket, room.name)
        return meeting

    async def _confirmed(self, socket: str, room: Room, meeting: _Meeting | None) -> None:
        if meeting is None:
            return
        try:
            await asyncio.shield(meeting.listening)
        except (nats.errors.Error, TimeoutError) as error:
            await self.leave(socket, room.name)
            raise ProblemError("unavailable", "Try again in a moment", 503) from error

    async def leave(self, socket: str, name: str) -> None:
        """Out of the room; nothing happens if it is not in."""
        meeting = self._meetings.get(name)
        if meeting is None or socket not in meeting.sockets:
            return
        meeting.sockets.discard(socket)
        self._rooms.get(socket, set()).discard(name)
        self._engine.leave(socket, name)
        if not meeting.sockets:
            del self._meetings[name]
            await self._silence(meeting)

    async def leave_all(self, socket: str) -> None:
        """The socket is gone."""
        for name in self._rooms.pop(socket, set()):
            await self.leave(socket, name)

    async def dissolve(self, name: str) -> None:
        """Everybody out: nothing will be said here any more."""
        for socket in self.inside([name]):
            await self.leave(socket, name)

    def rooms_of(self, socket: str) -> frozenset[str]:
        """Names of the rooms that it is in."""
        return frozenset(self._rooms.get(socket, ()))

    def inside(self, names: Collection[str]) -> set[str]:
        """The local sockets in any of these rooms."""
        found: set[str] = set()
        for name in names:
            if meeting := self._meetings.get(name):
                found |= meeting.sockets
        return found

    async def _listen(self, subjects: Collection[str]) -> list[Subscription]:
        made: list[Subscription] = []
        try:
            for subject in subjects:
                listening = await self._arrivals.listen(self._nc, subject)
                made.append(listening)
            if made:
                await self._confirmation.wait()
        except BaseException:
            await _unsubscribe(made)
            raise
        return made

    async def _silence(self, meeting: _Meeting) -> None:
        with contextlib.suppress(nats.errors.Error, TimeoutError):
            await _unsubscribe(await asyncio.shield(meeting.listening))


class _Confirmation:
    """That the server has all that was sent before. Those who ask at the same time share one."""

    def __init__(self, nc: Client) -> None:
        self._nc = nc
        self._under_way: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def wait(self) -> None:
        """nats.errors.Error, TimeoutError."""
        if self._next is None:  # one that is under way may have passed what was sent just now
            self._next = asyncio.create_task(self._confirm(self._under_way))
        await asyncio.shield(self._next)

    async def _confirm(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        self._under_way, self._next = self._next, None
        # Twice, because nats-py 2.16 writes a flush's PING past commands that still wait in its buffer; by
        # the time of the PONG they are written too, and the second PING comes after them.
        await self._nc.flush(FLUSH_SECONDS)
        await self._nc.flush(FLUSH_SECONDS)


async def _unsubscribe(subscriptions: list[Subscription]) -> None:
    for subscription in subscriptions:
        with contextlib.suppress(
            nats.errors.Error
        ):  # the connection is closing; its subscriptions end with it
            await subscription.unsubscribe()
