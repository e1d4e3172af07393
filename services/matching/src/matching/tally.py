"""Drivers on an admin's map: each by itself, or counted by H3 cell if they are too many. No I/O."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

from h3.api import basic_int as h3

from contracts.events import DriverLocated
from contracts.replicas import CrowdedCell, MappedDriver
from matching.cells import Spot
from matching.geo import CELL
from matching.states import Gate

ON_DUTY = (None, Gate.busy)
"""What stands against asking a driver who is on duty: nothing, or that it is at work."""


def _state(spot: Spot) -> Literal["idle", "busy"]:
    return "busy" if spot.gate is Gate.busy else "idle"


def mapped(spot: Spot) -> MappedDriver:
    """The driver as our map has it."""
    return MappedDriver(
        id=spot.driver,
        lat=spot.lat,
        lng=spot.lng,
        heading=spot.heading,
        state=_state(spot),
        vehicle_type=spot.vehicle_type,
        at=datetime.fromtimestamp(spot.seen, UTC),
    )


def located_as(spot: Spot, there: DriverLocated) -> MappedDriver | None:
    """The driver where somebody else has seen it; None if it is not on duty."""
    if spot.gate not in ON_DUTY:
        return None
    return MappedDriver(
        id=spot.driver,
        lat=there.lat,
        lng=there.lng,
        heading=there.heading,
        state=_state(spot),
        vehicle_type=spot.vehicle_type,
        at=there.recorded_at,
    )


class Tally:
    """At most `limit` drivers, or counts by cell of this resolution."""

    def __init__(self, resolution: int, limit: int) -> None:
        self._resolution, self._limit = resolution, limit
        self._counts: dict[int, list[int]] = {}
        self._drivers: dict[str, MappedDriver] = {}
        self.total = 0

    def meet(self, cell: int, spots: list[Spot]) -> None:
        """Drivers of one cell of the map, none of whom was met before."""
        counts = self._counts.setdefault(h3.cell_to_parent(cell, self._resolution), [0, 0])
        busy = sum(spot.gate is Gate.busy for spot in spots)
        counts[0] += len(spots) - busy
        counts[1] += busy
        self.total += len(spots)
        if self.total <= self._limit:
            self._drivers.update((spot.driver, mapped(spot)) for spot in spots)

    def add(self, drivers: Iterable[MappedDriver]) -> None:
        """Drivers that somebody else met; one known already is where it was last."""
        for driver in drivers:
            known = self._drivers.get(driver.id)
            if known is None:
                cell = h3.latlng_to_cell(driver.lat, driver.lng, CELL)
                counts = self._counts.setdefault(h3.cell_to_parent(cell, self._resolution), [0, 0])
                self.total += 1
                counts[driver.state == "busy"] += 1
            if known.at < driver.at if known else self.total <= self._limit:
                self._drivers[driver.id] = driver

    def add_counts(self, cells: Iterable[CrowdedCell]) -> None:
        """Drivers that somebody else counted."""
        for one in cells:
            counts = self._counts.setdefault(h3.str_to_int(one.cell), [0, 0])
            counts[0] += one.idle
            counts[1] += one.busy
            self.total += one.idle + one.busy

    @property
    def drivers(self) -> list[MappedDriver]:
        """All of them, or none if they are more than the limit."""
        return list(self._drivers.values()) if self.total <= self._limit else []

    @property
    def cells(self) -> list[CrowdedCell]:
        """The counts, if the drivers are more than the limit."""
        if self.total <= self._limit:
            return []
        return [_crowded(cell, *counts) for cell, counts in self._counts.items() if any(counts)]


def _crowded(cell: int, idle: int, busy: int) -> CrowdedCell:
    lat, lng = h3.cell_to_latlng(cell)
    return CrowdedCell(cell=h3.int_to_str(cell), lat=lat, lng=lng, idle=idle, busy=busy)
