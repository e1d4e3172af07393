"""Where the drivers are, in memory: H3 cell → drivers, walked ring by ring from the pickup.

Soft state: rebuilt from the LOCATIONS stream and the driver table, and followed by core NATS. It only
narrows the choice; the database decides who may be asked.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import datetime

from h3.api import basic_int as h3

from matching.geo import haversine_m

RESOLUTION = 8
"""H3 cells of about 0.74 km²."""
SMALLEST_STEP_M = 600.0
"""A ring leads at least this much further out: the smallest cells of the resolution are 0.7 km apart."""


@dataclass(slots=True)
class Spot:
    """What is known of one driver. `cell` 0: no position yet."""

    lat: float = 0.0
    lng: float = 0.0
    cell: int = 0
    seen_at: datetime | None = None
    available: bool = False
    vehicle_type: str | None = None
    version: int = 0


class Supply:
    """The map. Not shared between threads; every method is short."""

    def __init__(self) -> None:
        self._spots: dict[str, Spot] = {}
        self._cells: dict[int, set[str]] = {}

    def __len__(self) -> int:
        return sum(1 for spot in self._spots.values() if spot.cell)

    def move(self, driver: str, lat: float, lng: float, at: datetime) -> None:
        """A driver's newest position (degrees). An older one than is known changes nothing."""
        spot = self._spots.setdefault(driver, Spot())
        if spot.seen_at is not None and at < spot.seen_at:
            return
        spot.lat, spot.lng, spot.seen_at = lat, lng, at
        cell = h3.latlng_to_cell(lat, lng, RESOLUTION)
        if cell != spot.cell:
            self._leave(driver, spot)
            spot.cell = cell
            self._cells.setdefault(cell, set()).add(driver)

    def mark(self, driver: str, *, available: bool, vehicle_type: str | None, version: int) -> None:
        """Whether a driver can be offered jobs. An older version than is known changes nothing."""
        spot = self._spots.setdefault(driver, Spot())
        if version >= spot.version:
            spot.available, spot.vehicle_type, spot.version = available, vehicle_type, version

    def position(self, driver: str) -> tuple[float, float] | None:
        """The last known position, however old."""
        spot = self._spots.get(driver)
        return (spot.lat, spot.lng) if spot and spot.cell else None

    def _leave(self, driver: str, spot: Spot) -> None:
        if drivers := self._cells.get(spot.cell):
            drivers.discard(driver)
            if not drivers:
                del self._cells[spot.cell]

    def within(
        self,
        lat: float,
        lng: float,
        radius_m: float,
        *,
        fresh_since: datetime,
        vehicle_type: str | None = None,
        without: Container[str] = (),
    ) -> Iterator[tuple[str, float]]:
        """Available drivers in `radius_m`, with their distance in metres; roughly the nearest first."""
        for cell in self._walk(lat, lng, radius_m):
            for driver in self._cells.get(cell, ()):
                spot = self._spots[driver]
                if not spot.available or spot.seen_at is None or spot.seen_at < fresh_since:
                    continue
                if driver in without or (vehicle_type and spot.vehicle_type != vehicle_type):
                    continue
                distance = haversine_m(lat, lng, spot.lat, spot.lng)
                if distance <= radius_m:
                    yield driver, distance

    def _walk(self, lat: float, lng: float, radius_m: float) -> Iterator[int]:
        origin = h3.latlng_to_cell(lat, lng, RESOLUTION)
        rings = int(radius_m / SMALLEST_STEP_M) + 2
        if 3 * rings * (rings + 1) > len(self._cells):  # fewer cells are occupied than would be walked
            yield from sorted(self._cells, key=lambda cell: _cells_apart(origin, cell))
            return
        for ring in range(rings + 1):
            yield from h3.grid_ring(origin, ring)


def _cells_apart(origin: int, cell: int) -> float:
    return haversine_m(*h3.cell_to_latlng(origin), *h3.cell_to_latlng(cell))
