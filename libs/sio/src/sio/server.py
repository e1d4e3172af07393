"""All clients of one server: who is let in, rooms and emissions, heartbeats and deadlines, the end."""

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import Callable, Collection, Coroutine
from functools import partial
from typing import Any

from msgspec.json import Decoder

from sio import packets
from sio.answers import Answer, unavailable
from sio.callbacks import Callbacks
from sio.connection import Connection, Transport
from sio.deadlines import Deadlines
from sio.rooms import Rooms
from sio.settings import Limits
from sio.socket import Emission

log = logging.getLogger("sio")

TICK = 0.25
"""Seconds: so much too late may a heartbeat or a deadline be."""
DRAIN_STEP = 0.1
"""Seconds between two batches of sockets that are hung up on while draining."""

NOT_NOW = unavailable("unavailable", "Closing; try again later")


class Server:
    """Knows connections, not what carries them. All calls are made in the event loop's thread."""

    def __init__(self, limits: Limits, callbacks: Callbacks | None = None) -> None:
        self.limits = limits
        self.serve(callbacks)
        self.rooms = Rooms()
        self.connections: dict[str, Connection] = {}
        """By the session ids that Engine.IO gave them, until their transport has ended."""
        self.connecting = Deadlines[Connection](limits.connect_seconds)
        self.ending = Deadlines[Connection](limits.finish_seconds)
        self.requesting = Deadlines[Callable[[], None]](limits.connect_seconds)
        """What to do about requests that never become complete."""
        self._resting = Deadlines[Connection](limits.ping_interval)
        self._pinged = Deadlines[Connection](limits.ping_timeout)
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._draining = False
        self._emptied = asyncio.Event()

    def serve(self, callbacks: Callbacks | None) -> None:
        """Call these from now on."""
        self.callbacks = callbacks or Callbacks(_unserved, _unserved, _unserved)
        self.typed = {
            name.encode(): (Decoder(event.type).decode, event.do)
            for name, event in self.callbacks.typed.items()
        }

    # What the application wants.

    def emit(
        self,
        rooms: Collection[str],
        event: str,
        payload: object,
        *,
        offset: str | None = None,
        skip: Collection[str] = (),
        newest: str | None = None,
    ) -> int:
        """To each socket that is in any of `rooms` and not in `skip`, once. Returns to how many.

        `offset` is a second argument for sockets that can be recovered. `newest` names what this is the
        newest value of: a client that reads too slowly gets only the last one of them.
        """
        emission, told = Emission(event, payload, offset, newest), 0
        for socket in self.rooms.inside(rooms, skip):
            told += 1
            if socket.ready:
                socket.send(emission.packet(socket.recoverable))
            else:
                socket.tell(emission)
        return told

    def disconnect(self, socket: str) -> None:
        """Tell the client that it is over and hang up. Nothing happens if it is gone."""
        if found := self.rooms.sockets.get(socket):
            found.owner.finish("disconnected", packets.DISCONNECT)

    def hang_up(self, socket: str) -> None:
        """End its transport without a word. Nothing happens if it is gone."""
        if found := self.rooms.sockets.get(socket):
            found.owner.finish("hung_up")

    async def drain(self, seconds: float) -> None:
        """Refuse new transports, and hang up on all, a few at a time over so long.

        Handlers that are under way finish first. Returns when all are gone, and those handlers are done or
        have had `finish_seconds`.
        """
        self._draining = True
        until = self.now() + seconds
        while self.connections:
            steps = max(1, round((until - self.now()) / DRAIN_STEP))
            standing = [connection for connection in self.connections.values() if connection.over is None]
            if not standing:
                break
            for connection in random.sample(standing, -(-len(standing) // steps)):
                connection.finish("drained")
            if steps > 1:
                await asyncio.sleep(DRAIN_STEP * random.uniform(0.5, 1.5))  # noqa: S311  # spreads those who return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.limits.finish_seconds + 2 * TICK):
                await self.until_empty()

    async def close(self) -> None:
        """Refuse new transports, hang up on all, and wait until they are gone."""
        await self.drain(0)

    # What transports want.

    def refusal(self, address: str) -> Answer | None:
        """Why a new transport from here is not let in. None: it is, and counts until it is forgotten."""
        return NOT_NOW if self._draining else self.callbacks.opening(address)

    def open(self, transport: Transport, address: str, upgrades: list[str]) -> Connection:
        """A transport that was let in can carry packets now."""
        connection = Connection(self, self.new_id(), address, transport)
        self.connections[connection.id] = connection
        now, limits = self.now(), self.limits
        self.connecting.add(connection, now)
        self._resting.add(connection, now)
        self.tick()
        opened = packets.opened(
            connection.id, upgrades, limits.ping_interval, limits.ping_timeout, limits.message_bytes
        )
        transport.send(opened)
        return connection

    def new_id(self) -> str:
        """Of a session or a socket: whoever knows it may speak in its name."""
        return secrets.token_urlsafe(15)

    def now(self) -> float:
        """Seconds, monotonic."""
        return asyncio.get_running_loop().time()

    # What connections want.

    def answered(self, connection: Connection) -> None:
        """It has answered a ping."""
        if connection in self._pinged:
            self._pinged.remove(connection)
            self._resting.add(connection, self.now())

    def forget(self, connection: Connection) -> None:
        """Its transport has ended."""
        if self.connections.pop(connection.id, None) is None:
            return
        for deadlines in (self.connecting, self.ending, self._resting, self._pinged):
            deadlines.remove(connection)
        self.callbacks.closed(connection.address)
        self.callbacks.ended(connection.lost_for or "client")
        self._look_whether_empty()

    def start(self, work: Coroutine[Any, Any, None], done: Callable[[], None]) -> None:
        """Do `work` in a task, then call `done`."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(partial(self._worked, done))

    # Time.

    def tick(self) -> None:
        """Look what is due, from now on until nothing is waited for."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self.now()
        for give_up in self.requesting.take_due(now):
            give_up()
        for connection in self.connecting.take_due(now):
            connection.end("never_connected")
        for connection in self.ending.take_due(now):
            connection.end("unread")
        for connection in self._pinged.take_due(now):
            self._on_no_pong(connection, now)
        for connection in self._resting.take_due(now):
            self._pinged.add(connection, now)
            connection.transport.send(packets.PING)
        if self.connections or self.requesting:
            self.tick()

    def _on_no_pong(self, connection: Connection, now: float) -> None:
        if connection.line.paused:  # it is we who do not read
            self._pinged.add(connection, now)
        else:
            connection.end("ping_timeout")

    # The end.

    def _worked(self, done: Callable[[], None], task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a callback failed", exc_info=error)
        done()
        self._look_whether_empty()

    async def until_empty(self) -> None:
        """Until no transport is open, and nothing is being handled."""
        while self.connections or self._tasks:
            self._emptied.clear()
            await self._emptied.wait()

    def _look_whether_empty(self) -> None:
        if not self.connections and not self._tasks:
            self._emptied.set()


async def _unserved(*_arguments: object) -> None:
    raise RuntimeError("serve() first")
