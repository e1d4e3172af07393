"""Distances on the sphere, and the rings of H3 cells around a cell.

What is compared often is a chord, the straight line through the earth, in earth radii: it grows with the
distance along the ground, costs no trigonometry, and knows no pole and no date line.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import asin, cos, dist, pi, radians, sin, sqrt

from h3.api import basic_int as h3

EARTH_RADIUS_M = 6_371_008.8

Point = tuple[float, float, float]
"""A place on the sphere of radius 1 around the origin."""

CELL = 9
"""H3 resolution of the map's cells, about 0.1 km²: 350 m from centre to centre."""
CELL_REACH_M = 230.0
"""No point of a cell is further from its centre, anywhere on earth."""
RINGS = 3
"""How many rings of cells are walked at most: about 800 m."""
RINGS_KEPT = 30_000
"""Rings remembered, the last used: three for each cell of a city of 1,000 km²."""


def haversine_m(lat1: float, lng1: float, lat2: float, lng2: float) -> float:
    """Metres between two points given in degrees (great circle; within 0.5% of the ellipsoid)."""
    p1, p2 = radians(lat1), radians(lat2)
    a = sin((p2 - p1) / 2) ** 2 + cos(p1) * cos(p2) * sin(radians(lng2 - lng1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(sqrt(min(1.0, a)))


def point(lat: float, lng: float) -> Point:
    """The place of these degrees."""
    north, east = radians(lat), radians(lng)
    across = cos(north)
    return across * cos(east), across * sin(east), sin(north)


def chord_of(metres: float) -> float:
    """The chord of a distance along the ground. Half the way around the earth is the furthest there is."""
    return 2 * sin(min(metres / EARTH_RADIUS_M, pi) / 2)


def metres_of(chord: float) -> float:
    """The distance along the ground that a chord spans: the haversine distance."""
    return 2 * EARTH_RADIUS_M * asin(min(chord / 2, 1.0))


@dataclass(frozen=True, slots=True)
class Ring:
    """Cells that are the same number of steps away from one of them, their origin.

    What is nearer to the origin's centre than `clear` (a chord) is in this ring or within it.
    """

    cells: tuple[int, ...]
    clear: float


@lru_cache(maxsize=RINGS_KEPT)
def ring_around(origin: int, steps: int) -> Ring:
    """The cells so many steps away from a cell. 0: the cell itself."""
    centre = point(*h3.cell_to_latlng(origin))
    # A way outward meets every ring: it is beyond this one no sooner than where the next one begins.
    next_centres = (point(*h3.cell_to_latlng(cell)) for cell in h3.grid_ring(origin, steps + 1))
    clear = min(dist(centre, other) for other in next_centres) - chord_of(CELL_REACH_M)
    return Ring(tuple(h3.grid_ring(origin, steps)), clear)
