"""Who is where, for an admin's map (D3): the whole of a box, whichever replica is asked.

Each region is told of by the replica that owns it, out of its map in memory. Of regions that nobody owns yet,
or whose owner does not answer, the last positions are read from LOCATIONS. Nothing is decided by any of it.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import nats.errors
import structlog
from cachetools import TTLCache
from h3.api import basic_str as h3
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import BaseModel, ValidationError

from contracts.events import DriverLocated
from contracts.replicas import CrowdedCell, MapPart, MappedDriver, MapWanted
from matching import commands
from matching.asking import Reach
from matching.boxes import REGION_REACH_M, Box, region_of_all, regions_near, spoken_for_with
from matching.drivers import offered_alone
from matching.positions import last_in
from matching.regions import region_of
from matching.settings import Settings
from matching.share import Share
from matching.supply import Supply
from matching.tally import ON_DUTY, Tally, located_as
from wire.sql import Database

log = structlog.get_logger()

SHOWN_S = 1.0
"""Whoever asks for the same box within this time is told the same."""
BOXES_KEPT = 64
ANSWER_S = 2.0
"""Longest that other replicas are waited for."""
A_SLICE = 500
"""So many drivers and districts are looked at, in about a millisecond, before a rest."""
REST_S = 0.001
"""For what matters more: positions, searches, answers."""


class DriverMap(BaseModel):
    """The drivers on duty in a box: `drivers`, or if they are more than was asked for, `cells`.

    `complete`: false when some regions could not be looked at in time. Ask again.
    """

    drivers: list[MappedDriver]
    cells: list[CrowdedCell]
    total: int
    complete: bool


async def look(supply: Supply, share: Share, wanted: MapWanted) -> MapPart:
    """What our map shows of the regions that we speak for. With rests."""
    box = Box(wanted.west, wanted.south, wanted.east, wanted.north)
    ready, since, looked = frozenset(share.ready), wanted.since.timestamp(), 0
    tally, voices = Tally(wanted.resolution, wanted.limit), dict[str, str | None]()

    def ours(region: str) -> bool:
        if region not in voices:
            voices[region] = spoken_for_with(region, share.known)
        return voices[region] in ready

    for cells in supply.in_box(box):
        for cell, spots in cells:
            fit = [spot for spot in spots if spot.seen >= since and spot.gate in ON_DUTY]
            region = region_of_all(cell)
            if region is None:
                fit = [spot for spot in fit if ours(region_of(spot.lat, spot.lng))]
            tally.meet(cell, fit if region is None or ours(region) else [])
            looked += len(spots)
        looked += 1
        if looked >= A_SLICE:
            looked = 0
            await asyncio.sleep(REST_S)
    # A region's owner also speaks for neighbours that are not known, so a region beside the box counts, too.
    told = frozenset(one for one in ready if box.near(h3.cell_to_latlng(one), 3 * REGION_REACH_M))
    return MapPart(regions=told, drivers=tally.drivers, cells=tally.cells, total=tally.total)


@dataclass
class LiveMap:
    """Of one replica. It looks at its own map once at a time, however many ask."""

    nc: Client
    database: Database
    reach: Reach
    settings: Settings
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    shown: TTLCache[tuple[Box, int], asyncio.Task[DriverMap]] = field(
        default_factory=lambda: TTLCache(BOXES_KEPT, SHOWN_S)
    )

    async def answer(self) -> None:
        """Answer the other replicas from now on."""
        await self.nc.subscribe(MapWanted.subject, cb=self._asked)

    async def show(self, box: Box, limit: int) -> DriverMap:
        """The drivers in a box, as of a second ago at most."""
        task = self.shown.get((box, limit))
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self.shown[box, limit] = asyncio.create_task(self._show(box, limit))
        return await asyncio.shield(task)  # others may wait for it, too

    async def _asked(self, message: Msg) -> None:
        try:
            wanted = MapWanted.model_validate_json(message.data)
            if wanted.replica_id != self.settings.replica:
                part = await self._look(wanted)
                if part.regions:
                    await message.respond(part.model_dump_json().encode())
        except (ValidationError, nats.errors.Error) as error:
            log.warning("livemap.unanswered", error=repr(error))

    async def _look(self, wanted: MapWanted) -> MapPart:
        async with self.turn:
            return await look(self.reach.supply, self.reach.share, wanted)

    async def _show(self, box: Box, limit: int) -> DriverMap:
        since, fit = datetime.now(UTC) - self.settings.patience.silence, box.resolution()
        wanted = MapWanted(
            replica_id=self.settings.replica, **asdict(box), resolution=fit, limit=limit, since=since
        )
        voices = self._voices(box)
        parts = [await self._look(wanted)]
        unheard = {voice for voice in voices.values() if voice} - parts[0].regions
        if others := unheard - self.reach.share.owned:
            parts += await _ask(self.nc, wanted, others)
            unheard = unheard.difference(*(part.regions for part in parts))
        unspoken = [region for region, voice in voices.items() if voice is None or voice in unheard]
        found, unread = await self._last_in(unspoken)
        seen = [there for there in found if there.recorded_at >= since and box.holds(there.lat, there.lng)]
        tally = Tally(fit, limit)
        for part in parts:
            tally.add(part.drivers)
            tally.add_counts(part.cells)
        tally.add(self._on_duty(seen))
        at_last = {region_of(there.lat, there.lng) for there in seen}.union(unread or ())
        await self._meet(region for region in at_last if voices.get(region, region) is None)
        drivers = await self._with_offers(tally.drivers)
        return DriverMap(drivers=drivers, cells=tally.cells, total=tally.total, complete=unread == [])

    def _voices(self, box: Box) -> Mapping[str, str | None]:
        """The regions of a box, each with the one whose owner speaks for it. Of too large a box, those that
        are known."""
        known, near = self.reach.share.known, regions_near(box)
        if near is None:
            near = frozenset(one for one in known if box.near(h3.cell_to_latlng(one), REGION_REACH_M))
        return {region: spoken_for_with(region, known) for region in near}

    def _on_duty(self, seen: Iterable[DriverLocated]) -> Iterator[MappedDriver]:
        for there in seen:
            spot = self.reach.supply.spot(there.driver_id)
            if spot and (driver := located_as(spot, there)):
                yield driver

    async def _last_in(self, regions: Sequence[str]) -> tuple[list[DriverLocated], list[str] | None]:
        """See `positions.last_in`; None when the stream could not be asked."""
        try:
            return await last_in(self.nc, regions)
        except ConnectionError as error:
            log.warning("livemap.not_read", regions=len(regions), error=str(error))
            return [], None

    async def _meet(self, regions: Iterable[str]) -> None:
        """There are drivers where nobody listens: from now on somebody shall."""
        for region in regions:
            await commands.meet(self.database, self.reach, region)

    async def _with_offers(self, drivers: list[MappedDriver]) -> list[MappedDriver]:
        idle = [driver.id for driver in drivers if driver.state == "idle"]
        if not idle:
            return drivers
        async with self.database.transaction() as tx:
            offered = await offered_alone(tx, idle)
        return [
            driver.model_copy(update={"state": "offered"}) if driver.id in offered else driver
            for driver in drivers
        ]


async def _ask(nc: Client, wanted: MapWanted, regions: Collection[str]) -> list[MapPart]:
    """What the other replicas tell, until these regions have been told of or the time is over."""
    parts, unheard = list[MapPart](), set(regions)
    loop = asyncio.get_running_loop()
    until = loop.time() + ANSWER_S
    try:
        inbox = await nc.subscribe(nc.new_inbox())
        try:
            await nc.publish(MapWanted.subject, wanted.model_dump_json().encode(), reply=inbox.subject)
            while unheard and (left := until - loop.time()) > 0:
                parts.append(MapPart.model_validate_json((await inbox.next_msg(timeout=left)).data))
                unheard -= parts[-1].regions
        finally:
            await inbox.unsubscribe()
    except (nats.errors.Error, TimeoutError, ValidationError) as error:
        log.warning("livemap.unheard", regions=len(unheard), error=repr(error))
    return parts
