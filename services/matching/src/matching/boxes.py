"""Boxes of latitude and longitude, as maps on screens show them, and the H3 cells they touch. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import asin, cos, degrees, radians, sin

from h3.api import basic_int as h3
from h3.api import basic_str

from matching.geo import CELL, EARTH_RADIUS_M
from matching.regions import RESOLUTION, region_of

REGION_REACH_M = 30_000.0
"""No point of a region is further from its centre, anywhere on earth."""
REGIONS_LOOKED_AT = 400
"""About 700,000 km². Of a box that touches more only known regions are looked at, and those around them."""
CELLS_SHOWN = 1_000
"""About so many cells, of H3's average size, does a box have at most."""
REMEMBERED = 100_000
Place = tuple[float, float]
"""Latitude and longitude, in degrees."""
_SLACK = 1.001
_ROUND = 360.0


@dataclass(frozen=True, slots=True)
class Box:
    """Degrees (WGS 84). With west > east it lies over the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    @property
    def width(self) -> float:
        """Degrees from west to east."""
        return self.east - self.west + (_ROUND if self.west > self.east else 0.0)

    def holds(self, lat: float, lng: float) -> bool:
        """Whether this place is in it, or on its edge."""
        east = self.east + (_ROUND if self.west > self.east else 0.0)
        same = lng, lng + _ROUND, lng - _ROUND  # compared, for a difference would be rounded
        return self.south <= lat <= self.north and any(self.west <= one <= east for one in same)

    def near(self, place: Place, reach_m: float) -> bool:
        """False only if no point of the box is within so many metres of this place."""
        lat, lng = place
        high, wide = _degrees(lat, reach_m)
        if not self.south - high <= lat <= self.north + high:
            return False
        return self.width + 2 * wide >= _ROUND or (lng - self.west + wide) % _ROUND <= self.width + 2 * wide

    def covers(self, place: Place, reach_m: float) -> bool:
        """True only if everything within so many metres of this place is in the box."""
        lat, lng = place
        high, wide = _degrees(lat, reach_m)
        if not self.south + high <= lat <= self.north - high:
            return False
        return self.width >= _ROUND or wide <= (lng - self.west) % _ROUND <= self.width - wide

    def resolution(self) -> int:
        """The finest of H3, up to the map's own, of which the box does not have too many cells."""
        nearest = 0.0 if self.south <= 0 <= self.north else min(abs(self.south), abs(self.north))
        wide = radians(self.width) * cos(radians(nearest)) * EARTH_RADIUS_M
        high = radians(self.north - self.south) * EARTH_RADIUS_M
        for resolution in range(CELL, 0, -1):
            round_about = 4 * h3.average_hexagon_edge_length(resolution, "m")  # cells that are partly outside
            area = h3.average_hexagon_area(resolution, "m^2")
            if (wide + round_about) * (high + round_about) <= CELLS_SHOWN * area:
                return resolution
        return 0


def cells_near(box: Box, resolution: int, reach_m: float, most: int) -> frozenset[int] | None:
    """Every H3 cell that touches the box, and some beside it; None if they are more than `most`.

    `reach_m`: no point of such a cell is further from its centre.
    """
    middle = (box.south + box.north) / 2, box.west + box.width / 2
    start = h3.latlng_to_cell(middle[0], middle[1] - (_ROUND if middle[1] > _ROUND / 2 else 0), resolution)
    found, edge = {start}, [start]
    while edge:
        for cell in h3.grid_disk(edge.pop(), 1):
            if cell not in found and box.near(h3.cell_to_latlng(cell), reach_m):
                found.add(cell)
                edge.append(cell)
        if len(found) > most:
            return None
    return frozenset(found)


def regions_near(box: Box) -> frozenset[str] | None:
    """Every region that touches the box, and some beside it; None if they are too many."""
    near = cells_near(box, RESOLUTION, REGION_REACH_M, REGIONS_LOOKED_AT)
    return None if near is None else frozenset(h3.int_to_str(cell) for cell in near)


def spoken_for_with(region: str, known: Mapping[str, int]) -> str | None:
    """The region whose owner knows who is in this one: itself if it is known, else a known neighbour, whose
    owner hears this one too. None if there is none."""
    if region in known:
        return region
    return min((one for one in basic_str.grid_disk(region, 1) if one in known), default=None)


@lru_cache(maxsize=REMEMBERED)
def region_of_all(cell: int) -> str | None:
    """The region that a cell of the map is in; None if it is in several. H3's cells do not quite fill their
    parents."""
    regions = {region_of(*corner) for corner in h3.cell_to_boundary(cell)}
    return regions.pop() if len(regions) == 1 else None


def _degrees(lat: float, reach_m: float) -> tuple[float, float]:
    """How many degrees north or south, and east or west, so many metres lead at most; at a pole all."""
    reach = reach_m * _SLACK / EARTH_RADIUS_M
    across = cos(radians(lat))
    return degrees(reach), degrees(asin(sin(reach) / across)) if sin(reach) < across else _ROUND
