"""The state of one edge process. Everything in it can be lost: clients reconnect and it is made anew."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from cachetools import TTLCache
from nats.aio.client import Client

from contracts.ids import new_id
from contracts.models import Identity, Job
from realtime.arrivals import Arrivals
from realtime.dashboard_feed import Feed
from realtime.departures import Departures
from realtime.drivers import DriverHere
from realtime.engine import Engine
from realtime.limits import Bucket, Window
from realtime.membership import Membership
from realtime.metrics import EVENTS_OUT
from realtime.outflow import Outflow
from realtime.recovery import Recovery
from realtime.settings import Settings
from wire.revocations import Revocations
from wire.verifier import Verifier

REMEMBERED = 100_000
REMEMBERED_SECONDS = 3600
"""An event published again later than that would be shown again."""
CLOSED_SECONDS = 60


@dataclass(eq=False)
class Session:
    """One connected socket."""

    socket: str
    identity: Identity
    events: Bucket
    subscribes: Window
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    expiry: asyncio.TimerHandle | None = None
    issued_at: datetime | None = None
    """Of the token that it rests on; None if that does not say."""
    pid: str | None = None
    """Of a socket that can be recovered (C7)."""
    followed: set[str] = field(default_factory=set)
    """What it asked to follow, beside what it follows by being who it is."""


@dataclass(eq=False)
class Edge:
    """Who is here, and what was already told."""

    settings: Settings
    nc: Client
    engine: Engine
    members: Membership
    arrivals: Arrivals
    verifier: Verifier
    revocations: Revocations
    id: str = field(default_factory=lambda: str(new_id()))
    """Of this process: a restarted edge is another one, and holds none of the sockets of the first."""
    sessions: dict[str, Session] = field(default_factory=dict)
    drivers: dict[str, DriverHere] = field(default_factory=dict)
    recovery: Recovery = field(default_factory=Recovery)
    outflow: Outflow = field(default_factory=Outflow)
    departures: Departures = field(default_factory=Departures)
    dashboard: Feed = field(default_factory=Feed)
    delivered: TTLCache[UUID, bool] = field(default_factory=lambda: TTLCache(REMEMBERED, REMEMBERED_SECONDS))
    versions: TTLCache[UUID, int] = field(default_factory=lambda: TTLCache(REMEMBERED, REMEMBERED_SECONDS))
    """The newest version of each job that an event has told."""
    closed: TTLCache[UUID, bool] = field(default_factory=lambda: TTLCache(REMEMBERED, CLOSED_SECONDS))
    """Jobs that have left the feed lately: an answer that was on its way may still have them."""

    def is_behind(self, job: Job) -> bool:
        """Whether sockets here were already told something newer."""
        return job.version < self.versions.get(job.id, 0)

    async def tell(self, socket: str, event: str, payload: object) -> None:
        """To this socket alone, with whatever it was told before counted as seen."""
        await self.engine.emit([socket], event, payload, offset=self.recovery.offset_of(socket))
        EVENTS_OUT.labels(event).inc()


def make_edge(settings: Settings, nc: Client, engine: Engine) -> Edge:
    """An edge with nobody on it."""
    arrivals, revocations = Arrivals(), Revocations()
    verifier = Verifier(settings, revocations)
    return Edge(settings, nc, engine, Membership(nc, engine, arrivals), arrivals, verifier, revocations)
