"""What the bus brings to this edge, in the order in which the server sent it."""

import asyncio

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

MOST = 50_000
"""Messages waiting to be delivered; past it they are dropped, and read from the stream afterwards."""


class Arrivals(asyncio.Queue[Msg | None]):
    """One line for all subscriptions.

    nats-py gives each subscription a queue and a task of its own, so that what came by two of them may be
    handled in another order than it was sent in. Here a subscription's queue is this one, and it has no task.
    """

    def __init__(self, most: int = MOST) -> None:
        super().__init__()
        self._most, self._lost = most, False

    async def listen(self, nc: Client, subject: str) -> Subscription:
        """Subscribe. nats.errors.Error."""
        subscription = await nc.subscribe(subject, pending_bytes_limit=0)
        early = subscription._pending_queue
        subscription._pending_queue = self  # type: ignore[assignment]
        while not early.empty():
            self.put_nowait(early.get_nowait())
        return subscription

    def put_nowait(self, item: Msg | None) -> None:
        """From now on, while the line is too long, everything is dropped, until it was worked off."""
        self._lost = self._lost or self.qsize() >= self._most
        if not self._lost:
            super().put_nowait(item)

    def interrupt(self) -> None:
        """The connection is down: what was sent meanwhile is missing here."""
        super().put_nowait(None)

    async def take(self) -> Msg | None:
        """The next one; None where something is missing."""
        if self._lost and self.empty():
            self._lost = False
            return None
        return await self.get()

    async def join(self) -> None:
        """nats-py waits for it when it closes; what was not delivered by then is read by another edge."""
