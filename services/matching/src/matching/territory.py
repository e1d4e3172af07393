"""Owning regions: a lease that says we live, a map of what our regions need, the searches asked of us.

Positions of a region are listened to by its owner alone, and by those who own one nearby. Whatever goes wrong
here costs time only: a search that nobody has looked at yet is a row that says so, and the sweep of whoever
owns its region finds it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from prometheus_client import Counter, Gauge

from contracts.replicas import LookWanted, RegionsChanged
from contracts.subjects import locations_in
from matching import deadlines, leases, positions, usecases
from matching.asking import Reach
from matching.regions import around, owner_of, region_of
from matching.settings import Settings
from matching.share import WAITING
from wire.sql import Database

log = structlog.get_logger()

OWNED = Gauge("waggle_regions_owned", "Regions that this replica owns, and has the map of")
FORWARDED = Counter("waggle_asks_forwarded_total", "Searches handed to the replica that owns their region")
ASKED_AT_ONCE = 8
"""Searches that others handed to us, looked at side by side."""
RENEWALS = 3
"""So often is a lease renewed in its life."""
AT_FIRST = 1_000
"""Searches looked at in a region as soon as it is ours; what is left comes with the sweeps."""
GOING_S = 2.0
"""How long a replica that leaves takes to say so."""


@dataclass
class Territory:
    """What one replica owns, and what it does about it."""

    nc: Client
    database: Database
    reach: Reach
    settings: Settings
    heard: dict[str, Subscription] = field(default_factory=dict)
    """The positions that we listen to, by region; on the map are the last ones, too."""
    asked: dict[str, Subscription] = field(default_factory=dict)
    """What is asked of us, by region."""
    waiting: asyncio.Queue[UUID] = field(default_factory=partial(asyncio.Queue, WAITING))
    """Searches to look at."""

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Ours while the block runs: filled before the others hear of us, left to them when it ends."""
        await self.nc.subscribe(RegionsChanged.subject, cb=self._nudged)
        await self._join()
        self.reach.share.tell()
        try:
            yield
        finally:
            await asyncio.wait({asyncio.create_task(_tried(self._leave()))}, timeout=GOING_S)

    async def _join(self) -> None:
        """Waits for a database, or a bus, that is not there yet."""
        while not (await _tried(self.look()) and await _tried(self._renew())):  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(self.settings.regions_seconds)

    async def keep(self) -> None:
        """For ever: our lease, our share, and what goes to and fro between the replicas."""
        async with asyncio.TaskGroup() as group:
            for work in (self._keep_lease, self._keep_looking, self._pass_on, *[self._ask] * ASKED_AT_ONCE):
                group.create_task(work())

    async def look(self) -> None:
        """Read who lives and which regions there are; then hear, fill and own what is ours now."""
        share = self.reach.share
        async with self.database.transaction() as tx:
            replicas = await leases.living(tx.session) | {self.settings.replica}
            known = await leases.regions(tx.session)
        share.known = dict(known)
        mine = self.settings.replica
        owned = {region: radius for region, radius in known.items() if owner_of(region, replicas) == mine}
        if owned == share.ready:
            return
        fresh = [region for region, radius in owned.items() if not share.covers(region, radius)]
        share.owned = frozenset(owned)
        share.ready = {region: radius for region, radius in share.ready.items() if region in owned}
        needed = frozenset[str]().union(*(around(region, radius) for region, radius in owned.items()))
        await self._hear(needed - self.heard.keys())
        await self._be_asked(owned.keys() - self.asked.keys())
        await self._let_go(needed, owned.keys())
        share.ready = owned
        OWNED.set(len(owned))
        await self._catch_up(fresh)
        log.info("regions.owned", owned=len(owned), heard=len(needed), fresh=len(fresh), of=len(replicas))

    async def _hear(self, cells: Collection[str]) -> None:
        """Follow first, then fill, so that nothing falls between."""
        if not cells:
            return

        async def located(message: Msg) -> None:
            positions.put(self.reach.supply, message)

        heard = {cell: await self.nc.subscribe(locations_in(cell), cb=located) for cell in cells}
        try:
            # Twice: nats-py 2.16 writes the first PING past a SUB that still waits in its buffer.
            await self.nc.flush()
            await self.nc.flush()
            await positions.fill(self.nc, self.reach.supply, cells)
        except BaseException:
            for subscription in heard.values():
                await subscription.unsubscribe()
            raise
        self.heard |= heard

    async def _let_go(self, needed: Collection[str], owned: Collection[str]) -> None:
        for region in self.asked.keys() - owned:
            await self.asked.pop(region).unsubscribe()
        if left := self.heard.keys() - needed:
            for cell in left:
                await self.heard.pop(cell).unsubscribe()
            self.reach.supply.leave(lambda lat, lng: region_of(lat, lng) not in needed)

    async def _be_asked(self, regions: Collection[str]) -> None:
        for region in regions:
            self.asked[region] = await self.nc.subscribe(LookWanted.subject(region), cb=self._asked)

    async def _catch_up(self, regions: Collection[str]) -> None:
        """Look at the searches that waited for us."""
        async with self.database.transaction() as tx:
            idle = await deadlines.idle(tx.session, datetime.now(UTC), AT_FIRST, regions)
        for search_id in idle:
            self._put(search_id)

    async def _asked(self, message: Msg) -> None:
        self._put(LookWanted.model_validate_json(message.data).search_id)

    def _put(self, search_id: UUID) -> None:
        if not self.waiting.full():  # else it is left to the sweep
            self.waiting.put_nowait(search_id)

    async def _ask(self) -> None:
        while True:
            search_id = await self.waiting.get()
            await _tried(self._ask_again(search_id))

    async def _ask_again(self, search_id: UUID) -> None:
        async with self.database.transaction() as tx:
            await usecases.ask_again(tx, self.reach, search_id)

    async def _nudged(self, _message: Msg) -> None:
        self.reach.share.changed.set()

    async def _keep_looking(self) -> None:
        share = self.reach.share
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.settings.regions_seconds):
                    await share.changed.wait()
            share.changed.clear()
            if share.news:
                share.news = False
                await _tried(self._tell())
            await _tried(self.look())

    async def _keep_lease(self) -> None:
        while True:
            await asyncio.sleep(self.settings.lease_seconds / RENEWALS)
            await _tried(self._renew())

    async def _renew(self) -> None:
        async with self.database.transaction() as tx:
            await leases.renew(tx.session, self.settings.replica, self.settings.lease)

    async def _leave(self) -> None:
        async with self.database.transaction() as tx:
            await leases.release(tx.session, self.settings.replica)
        await self._tell()

    async def _pass_on(self) -> None:
        while True:
            region, search_id = await self.reach.share.elsewhere.get()
            wanted = LookWanted(search_id=search_id).model_dump_json().encode()
            if await _tried(self.nc.publish(LookWanted.subject(region), wanted)):
                FORWARDED.inc()

    async def _tell(self) -> None:
        changed = RegionsChanged(replica_id=self.settings.replica).model_dump_json().encode()
        await self.nc.publish(RegionsChanged.subject, changed)


async def _tried(work: Awaitable[None]) -> bool:
    """Whether it was done; if not, there is always a next time."""
    try:
        await work
    except Exception as error:
        log.warning("regions.failed", error=repr(error))
        return False
    return True
