"""Positions on the bus: decoding them, and the last ones that the stream LOCATIONS keeps."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import APIError
from pydantic import ValidationError

from contracts.events import DriverLocated
from contracts.streams import LOCATIONS
from contracts.subjects import locations_in, locations_of
from matching.supply import Supply
from wire import direct

log = structlog.get_logger()

FILLED_AT_ONCE = 20
"""Regions: a job's in a new one, and those around it."""
AT_A_TIME = 250
"""Drivers looked up with one question: each may have a last position in several regions."""
TOO_MANY = 413
"""What the stream answers when a question finds more than `direct.MOST_LAST` messages."""
FRESH = timedelta(seconds=30)
"""A driver who was heard this recently is where it was; clients send at least this often (C4)."""


@dataclass(frozen=True)
class Sighting:
    """Where a driver was (degrees), and when."""

    lat: float
    lng: float
    at: datetime


def put(supply: Supply, message: Msg) -> None:
    """A position that came over the bus, on the map."""
    if there := located(message):
        supply.move(there.driver_id, there.lat, there.lng, there.recorded_at, there.heading)


def located(message: Msg) -> DriverLocated | None:
    """A position that came over the bus; None if it is none."""
    try:
        return DriverLocated.model_validate_json(message.data)
    except ValidationError:
        log.warning("location.undecodable", subject=message.subject)
        return None


async def fill(nc: Client, supply: Supply, cells: Iterable[str]) -> None:
    """The last positions of everybody in these regions, on the map. nats.errors.Error, or TimeoutError."""
    left = iter(cells)
    while some := list(islice(left, FILLED_AT_ONCE)):
        await asyncio.gather(*(_fill(nc, supply, cell) for cell in some))


async def _fill(nc: Client, supply: Supply, cell: str) -> None:
    try:
        async for message in direct.matching(nc, LOCATIONS.name, locations_in(cell)):
            put(supply, message)
    except nats.errors.NoRespondersError:  # the streams are not declared yet: nobody's position is in one
        log.warning("locations.no_stream")


async def last_in(nc: Client, cells: Sequence[str]) -> tuple[list[DriverLocated], list[str]]:
    """The last positions in these regions; and those regions of which they are too many to be read like this.

    ConnectionError when the stream could not be asked.
    """
    if not cells:
        return [], []
    subjects = [locations_in(cell) for cell in cells]
    try:
        found = await direct.last_of(nc, LOCATIONS.name, subjects)
    except nats.errors.NoRespondersError:  # the streams are not declared yet
        return [], []
    except APIError as error:
        if error.code != TOO_MANY:
            raise ConnectionError(repr(error)) from error
        return await _halved(nc, cells)
    except (nats.errors.Error, TimeoutError) as error:
        raise ConnectionError(repr(error)) from error
    return [there for message in found if (there := located(message))], []


async def _halved(nc: Client, cells: Sequence[str]) -> tuple[list[DriverLocated], list[str]]:
    if len(cells) == 1:
        return [], [*cells]
    middle = len(cells) // 2
    found, crowded = await last_in(nc, cells[:middle])
    more_found, more_crowded = await last_in(nc, cells[middle:])
    return found + more_found, crowded + more_crowded


@dataclass(frozen=True)
class Whereabouts:
    """Where drivers are, also those in regions that this replica does not listen to."""

    nc: Client
    supply: Supply

    async def newest(self, drivers: Collection[str], since: datetime) -> Mapping[str, Sighting]:
        """The last known position of each; of those that our map has heard `since`, the map's.

        ConnectionError when the stream could not be asked.
        """
        known = {driver: seen for driver in drivers if (seen := self._on_the_map(driver))}
        unsure = iter([driver for driver in drivers if driver not in known or known[driver].at < since])
        while some := list(islice(unsure, AT_A_TIME)):
            for there in await self._kept(some):
                seen = Sighting(there.lat, there.lng, there.recorded_at)
                if there.driver_id not in known or known[there.driver_id].at < seen.at:
                    known[there.driver_id] = seen
        return known

    async def likely(self, drivers: Collection[str]) -> Mapping[str, Sighting]:
        """The same, as good as it is to be had: for what is shown, and nothing is decided by."""
        try:
            return await self.newest(drivers, datetime.now(UTC) - FRESH)
        except ConnectionError as error:
            log.warning("whereabouts.map_only", error=str(error))
            return {driver: seen for driver in drivers if (seen := self._on_the_map(driver))}

    def _on_the_map(self, driver: str) -> Sighting | None:
        place, at = self.supply.position(driver), self.supply.seen_at(driver)
        return Sighting(*place, at) if place and at else None

    async def _kept(self, drivers: Collection[str]) -> list[DriverLocated]:
        if not self.nc.is_connected:
            raise ConnectionError("not connected to NATS")
        subjects = [locations_of(driver) for driver in drivers]
        try:
            found = await direct.last_of(self.nc, LOCATIONS.name, subjects)
        except (nats.errors.Error, APIError, TimeoutError) as error:
            raise ConnectionError(repr(error)) from error
        return [there for message in found if (there := located(message))]
