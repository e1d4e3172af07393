"""Carried by HTTP long-polling: GETs that are held until there is something, POSTs that bring packets."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from sio import packets

if TYPE_CHECKING:
    from sio.connection import Connection


MOST_PACKETS = 16
"""In one answer to a GET; Python's client refuses one with more."""


class Poll:
    """The `Transport` of a session that polls: a queue between the server and the next GET.

    `getting`, `posting`: a request is under way; a second one ends the session. `upgrading`: a WebSocket has
    asked to take over, and no GET is held any more, so that the client can stop polling.
    """

    __slots__ = (
        "_bytes", "_closing", "_gone", "_moved", "_queue", "_slow_bytes", "_waiter", "connection", "getting",
        "posting", "upgrading",
    )  # fmt: skip

    connection: "Connection"

    def __init__(self, slow_bytes: int) -> None:
        self._slow_bytes = slow_bytes
        self._queue: list[bytes] = []
        self._bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._closing = self._gone = self._moved = False
        self.getting = self.posting = self.upgrading = False

    def send(self, packet: bytes) -> None:
        """Into the queue, for the next GET."""
        if self._gone or self._closing:
            return
        self._queue.append(packet)
        before, self._bytes = self._bytes, self._bytes + len(packet)
        if before <= self._slow_bytes < self._bytes:
            self.connection.slow()
        self._wake()

    def pending(self) -> int:
        return self._bytes

    def pause(self) -> None:
        """A POST is answered when what it brought is handled, and the next one comes after that."""

    def resume(self) -> None: ...

    def finish(self) -> None:
        """With the next GET that finds nothing else, and is told that there is no such session.

        A close packet would say it too, but JavaScript clients look at it before what came with it, and
        Python's do not come back from it.
        """
        if not self._gone:
            self._closing = True
            self._wake()

    def abort(self) -> None:
        if not self._gone:
            self._gone = True
            self._queue, self._bytes = [], 0
            self._wake()
            self.connection.lost()

    @property
    def due(self) -> bool:
        """A GET can be answered at once."""
        return bool(self._queue) or self._closing or self._gone or self.upgrading or self._moved

    async def something(self) -> None:
        """Until a GET can be answered."""
        if not self.due:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def take(self) -> bytes | None:
        """The answer to a GET: the first that are queued. None: the session is over."""
        if self._closing and not self._queue:
            self.abort()
        if self._gone:
            return None
        taken, self._queue = self._queue[:MOST_PACKETS], self._queue[MOST_PACKETS:]
        before, self._bytes = self._bytes, self._bytes - sum(map(len, taken))
        if self._bytes <= self._slow_bytes < before:
            self.connection.drained()
        return packets.join_payload(taken) if taken else packets.NOOP

    def probed(self) -> None:
        """A WebSocket has asked to take over."""
        self.upgrading = True
        self._wake()

    def stay(self) -> None:
        """The WebSocket has died before it took over."""
        self.upgrading = False

    def hand_over(self, send: Callable[[bytes], None]) -> None:
        """A WebSocket takes over, and gets first what no GET has."""
        queue, self._queue = self._queue, []
        self._bytes, self._moved = 0, True
        self._wake()
        for packet in queue:
            send(packet)

    @property
    def can_move(self) -> bool:
        """No other WebSocket has asked, and it is not about to end."""
        return not (self.upgrading or self._closing or self._gone or self._moved)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
