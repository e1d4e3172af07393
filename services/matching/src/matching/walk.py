"""One search on the map: outward from the pickup, until nobody further away can matter."""

from bisect import insort
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from math import dist

from h3.api import basic_int as h3

from matching.cells import DISTRICT_REACH_M, PLACE, Cells, Spot
from matching.geo import CELL_REACH_M, RINGS, Point, chord_of, metres_of, point, ring_around
from matching.states import Gate

MOST_PASSED_OVER = 200
"""Drivers passed over that are told, the nearest of them."""
CELL_REACH, DISTRICT_REACH = chord_of(CELL_REACH_M), chord_of(DISTRICT_REACH_M)


@dataclass(frozen=True)
class Nearby:
    """`found`: drivers and their distance in metres, nearest first.

    `passed_over`: drivers no further away than the last one found (or within the radius, if it holds fewer
    than wanted) who may not be asked, and why.
    """

    found: list[tuple[str, float]]
    passed_over: dict[str, Gate]


@dataclass(slots=True)
class Walk:
    """What is wanted, and who was met so far. Distances are chords (see geo).

    `fresh_since`: seconds since 1970. `limit`: nobody further away matters; it begins as the radius, and
    shrinks once `count` drivers are found.
    """

    pickup: Point
    limit: float
    count: int | None
    fresh_since: float
    vehicle_type: str | None
    without: Container[str]
    found: list[tuple[float, str]] = field(default_factory=list)
    passed_over: list[tuple[float, str, Gate]] = field(default_factory=list)

    def through_rings(self, cells: Cells, origin: int) -> bool:
        """Cell by cell around `origin`, the pickup's. False: the rings ended before the limit was reached."""
        off_centre = dist(self.pickup, point(*h3.cell_to_latlng(origin)))
        for steps in range(RINGS):
            ring = ring_around(origin, steps)
            self._look(cells, ring.cells)
            if self.limit < ring.clear - off_centre:
                return True
        return False

    def through_districts(self, cells: Cells) -> None:
        """Everywhere within the limit, nearest district first: where drivers are few, or all are wanted."""
        self.found.clear()
        self.passed_over.clear()
        begin_at = ((dist(self.pickup, one.centre) - DISTRICT_REACH, one) for one in cells.districts.values())
        in_reach = [pair for pair in begin_at if pair[0] <= self.limit]
        for begins_at, district in sorted(in_reach, key=lambda pair: pair[0]):
            if begins_at > self.limit:
                return
            self._look(cells, district.cells)

    def nearby(self) -> Nearby:
        """What was found, when the walk is over."""
        passed = sorted(one for one in self.passed_over if one[0] <= self.limit)
        return Nearby(
            [(driver, metres_of(far)) for far, driver in sorted(self.found)],
            {driver: gate for _, driver, gate in passed[:MOST_PASSED_OVER]},
        )

    def _look(self, cells: Cells, ids: Iterable[int]) -> None:
        """Meet the drivers in these cells, the nearest first."""
        pickup, limit, by_id = self.pickup, self.limit, cells.by_id
        near = [
            (far, one, number)
            for one in ids
            if (cell := by_id.get(one)) and dist(pickup, cell.centre) <= limit + CELL_REACH
            for number, there in enumerate(PLACE.iter_unpack(cell.places))
            if (far := dist(pickup, there)) <= limit
        ]
        near.sort()
        for far, one, number in near:
            if far > self.limit:
                return
            self._meet(far, by_id[one].spots[number])

    def _meet(self, far: float, spot: Spot) -> None:
        if spot.driver in self.without:
            return
        if spot.gate:
            self.passed_over.append((far, spot.driver, spot.gate))
        elif spot.seen < self.fresh_since:
            self.passed_over.append((far, spot.driver, Gate.stale))
        elif self.vehicle_type and spot.vehicle_type != self.vehicle_type:
            self.passed_over.append((far, spot.driver, Gate.wrong_vehicle))
        elif self.count is None:
            self.found.append((far, spot.driver))
        else:
            self._keep_nearest(far, spot.driver, self.count)

    def _keep_nearest(self, far: float, driver: str, count: int) -> None:
        insort(self.found, (far, driver))
        if len(self.found) >= count:
            del self.found[count:]
            self.limit = self.found[-1][0]
