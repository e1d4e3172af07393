"""Where the drivers are, in memory: H3 cell → drivers, walked ring by ring from the pickup.

Soft state: rebuilt from the LOCATIONS stream and the driver table, and followed by core NATS. It only
narrows the choice; the database decides who may be asked.
"""

from collections.abc import Callable, Container, Iterator
from datetime import UTC, datetime

from h3.api import basic_int as h3

from matching.boxes import Box
from matching.cells import NEVER, Cells, Spot
from matching.geo import CELL, chord_of, point
from matching.states import Gate
from matching.walk import Nearby, Walk

RECENT = 1_000
"""Drivers out of service who stay on the map, the last who went: to say why they were not asked."""


class Supply:
    """The map. Not shared between threads; every method is short."""

    def __init__(self) -> None:
        self._spots: dict[str, Spot] = {}
        self._cells = Cells()
        self._out_of_service: dict[str, None] = {}  # at most RECENT, in the order they went

    def __len__(self) -> int:
        return sum(1 for spot in self._spots.values() if spot.seen > NEVER)

    def move(self, driver: str, lat: float, lng: float, at: datetime, heading: float | None = None) -> None:
        """A driver's newest position (degrees). An older one than is known changes nothing."""
        spot, seen = self._spots.get(driver) or self._add(driver), at.timestamp()
        if seen < spot.seen:
            return
        spot.lat, spot.lng, spot.seen, spot.heading = lat, lng, seen, heading
        if spot.cell is not None or self._belongs(spot):
            self._cells.place(spot)

    def mark(self, driver: str, *, gate: Gate | None, vehicle_type: str | None, version: int) -> None:
        """Why a driver cannot be offered jobs, or None. An older version than is known changes nothing."""
        spot = self._spots.get(driver) or self._add(driver)
        if version < spot.version:
            return
        before = spot.gate
        spot.gate, spot.vehicle_type, spot.version = gate, vehicle_type, version
        if _in_service(gate):
            self._out_of_service.pop(driver, None)
        elif gate is not before:
            self._retire(driver)
        if spot.seen > NEVER and self._belongs(spot):
            self._cells.place(spot)

    def forget(self, driver: str) -> None:
        """As if nothing had ever been heard of the driver."""
        if spot := self._spots.pop(driver, None):
            self._out_of_service.pop(driver, None)
            self._cells.remove(spot)

    def leave(self, there: Callable[[float, float], bool]) -> None:
        """Forget the places of drivers who are `there` (degrees): nobody will tell when they move. How they
        stand is known as before."""
        for spot in self._spots.values():
            if spot.seen > NEVER and there(spot.lat, spot.lng):
                spot.seen = NEVER
                self._cells.remove(spot)

    def position(self, driver: str) -> tuple[float, float] | None:
        """The last known position, however old."""
        spot = self._spots.get(driver)
        return (spot.lat, spot.lng) if spot and spot.seen > NEVER else None

    def seen_at(self, driver: str) -> datetime | None:
        """When the last known position was taken; None without one."""
        spot = self._spots.get(driver)
        return datetime.fromtimestamp(spot.seen, UTC) if spot and spot.seen > NEVER else None

    def spot(self, driver: str) -> Spot | None:
        """What is known of a driver, on the map or not; to look at."""
        return self._spots.get(driver)

    def in_box(self, box: Box) -> Iterator[list[tuple[int, list[Spot]]]]:
        """Who stands on the map in this box: cells with their drivers, a district at a time, as it is when it
        is taken. Between two of them the map may change."""
        for district in self._cells.districts_near(box):
            yield self._cells.in_district(district, box)

    def nearest(
        self,
        lat: float,
        lng: float,
        radius_m: float,
        count: int | None,
        *,
        fresh_since: datetime,
        vehicle_type: str | None,
        without: Container[str] = (),
    ) -> Nearby:
        """The `count` (1 or more) nearest drivers in `radius_m` who may be asked; None: all of them.

        `without` are left out altogether. Of those passed over, the 200 nearest are told (A12).
        """
        walk = Walk(
            point(lat, lng), chord_of(radius_m), count, fresh_since.timestamp(), vehicle_type, without
        )
        if not walk.through_rings(self._cells, h3.latlng_to_cell(lat, lng, CELL)):
            walk.through_districts(self._cells)
        return walk.nearby()

    def within(
        self,
        lat: float,
        lng: float,
        radius_m: float,
        *,
        fresh_since: datetime,
        vehicle_type: str | None = None,
        without: Container[str] = (),
    ) -> list[tuple[str, float]]:
        """All drivers in `radius_m` who may be asked, with their distance in metres, the nearest first."""
        return self.nearest(
            lat, lng, radius_m, None, fresh_since=fresh_since, vehicle_type=vehicle_type, without=without
        ).found

    def _add(self, driver: str) -> Spot:
        spot = self._spots[driver] = Spot(driver)
        return spot

    def _belongs(self, spot: Spot) -> bool:
        """Whether it stands on the map. Most who are out of service do not: they would only be in the way."""
        return _in_service(spot.gate) or spot.driver in self._out_of_service

    def _retire(self, driver: str) -> None:
        self._out_of_service.pop(driver, None)
        self._out_of_service[driver] = None
        if len(self._out_of_service) > RECENT:
            longest = next(iter(self._out_of_service))
            del self._out_of_service[longest]
            self._cells.remove(self._spots[longest])


def _in_service(gate: Gate | None) -> bool:
    return gate is None or gate is Gate.busy
