"""The edges as matching sees them: what they answer and tell on the real bus, without a socket behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from contracts.events import DriverDisconnected
from contracts.ids import new_id
from contracts.requests import FindDriver, FindEdge, GoOnline, Present
from wire.publish import publish
from wire.rpc import request


class BusEdge:
    """One edge, on a connection of its own. `mute`: it hears, and does not answer."""

    def __init__(self, nc: Client) -> None:
        self.id, self.mute = str(new_id()), False
        self._nc = nc
        self._held: dict[str, Subscription] = {}

    async def opens(self, driver_id: str) -> None:
        """The driver's socket is here now."""
        self._held[driver_id] = await self._listen(FindDriver(driver_id=driver_id).subject())

    async def goes_online(self, driver_id: str) -> None:
        """`pilot:online` on its socket here."""
        await self.opens(driver_id)
        await request(self._nc, GoOnline(driver_id=driver_id, edge_id=self.id))

    async def closes(self, driver_id: str) -> None:
        """The last socket here is gone, and nothing has been told of it yet."""
        await self._held.pop(driver_id).unsubscribe()
        await self._flush()

    async def loses(self, driver_id: str) -> datetime:
        """The last socket here is gone, and the edge tells; when."""
        await self.closes(driver_id)
        return await self.tells(driver_id, datetime.now(UTC))

    async def tells(self, driver_id: str, when: datetime) -> datetime:
        """That the driver left then."""
        left = DriverDisconnected(driver_id=driver_id, disconnected_at=when)
        await publish(self._nc.jetstream(), left)
        return when

    async def is_killed(self) -> None:
        """With whatever it held, and without a word."""
        await self._nc.close()

    async def _listen(self, subject: str) -> Subscription:
        subscription = await self._nc.subscribe(subject, cb=self._answer)
        await self._flush()
        return subscription

    async def _answer(self, message: Msg) -> None:
        if not self.mute:
            await message.respond(Present(edge_id=self.id).model_dump_json().encode())

    async def _flush(self) -> None:
        await self._nc.flush()
        await self._nc.flush()  # see matching.mapping.follow


@asynccontextmanager
async def bus_edge(nats_url: str) -> AsyncIterator[BusEdge]:
    """Alive while the block runs."""
    nc = await nats.connect(nats_url, max_reconnect_attempts=-1, reconnect_time_wait=0.1)
    edge = BusEdge(nc)
    await edge._listen(FindEdge(edge_id=edge.id).subject())
    try:
        yield edge
    finally:
        if not nc.is_closed:
            await nc.close()
