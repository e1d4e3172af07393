"""The state of one edge process. Everything in it can be lost: clients reconnect and it is made anew."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from cachetools import TTLCache
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.ids import new_id
from contracts.models import Identity, Job
from realtime.departures import Departures
from realtime.drivers import DriverHere
from realtime.engine import Engine
from realtime.limits import Bucket, Window
from realtime.membership import Membership
from realtime.metrics import EVENTS_OUT
from realtime.settings import Settings

ARRIVALS = 10_000
"""Messages waiting to be delivered; past it they wait in their subscriptions."""
REMEMBERED = 100_000
REMEMBERED_SECONDS = 3600
"""An event published again later than that would be shown again."""


@dataclass(eq=False)
class Session:
    """One connected socket."""

    socket: str
    identity: Identity
    events: Bucket
    subscribes: Window
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    expiry: asyncio.TimerHandle | None = None


@dataclass(eq=False)
class Edge:
    """Who is here, and what was already told."""

    settings: Settings
    nc: Client
    engine: Engine
    members: Membership
    arrivals: asyncio.Queue[Msg]
    id: str = field(default_factory=lambda: str(new_id()))
    """Of this process: a restarted edge is another one, and holds none of the sockets of the first."""
    sessions: dict[str, Session] = field(default_factory=dict)
    drivers: dict[str, DriverHere] = field(default_factory=dict)
    departures: Departures = field(default_factory=Departures)
    delivered: TTLCache[UUID, bool] = field(default_factory=lambda: TTLCache(REMEMBERED, REMEMBERED_SECONDS))
    versions: TTLCache[UUID, int] = field(default_factory=lambda: TTLCache(REMEMBERED, REMEMBERED_SECONDS))
    """The newest version of each job that an event has told."""

    def is_behind(self, job: Job) -> bool:
        """Whether sockets here were already told something newer."""
        return job.version < self.versions.get(job.id, 0)

    async def tell(self, socket: str, event: str, payload: object) -> None:
        """To this socket alone."""
        await self.engine.emit([socket], event, payload)
        EVENTS_OUT.labels(event).inc()


def make_edge(settings: Settings, nc: Client, engine: Engine) -> Edge:
    """An edge with nobody on it."""
    arrivals: asyncio.Queue[Msg] = asyncio.Queue(ARRIVALS)
    return Edge(settings, nc, engine, Membership(nc, engine, arrivals), arrivals)
