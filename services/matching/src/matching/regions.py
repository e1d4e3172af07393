"""Regions: the coarse H3 cells that positions are addressed by, and that replicas of matching own. Pure.

A region is owned by one of the replicas that live, chosen by rendezvous hashing: each replica reckons it by
itself, and when one comes or goes only the regions move that it takes or leaves.
"""

from collections.abc import Collection
from functools import lru_cache
from hashlib import blake2b

from h3.api import basic_str as h3

from matching.geo import haversine_m

RESOLUTION = 4
"""About 1,770 km²: a city is a handful."""
REMEMBERED = 20_000


def region_of(lat: float, lng: float) -> str:
    """The cell's name, as it stands in `driver.location.<cell>.<driver>`."""
    return str(h3.latlng_to_cell(lat, lng, RESOLUTION))


def owner_of(region: str, replicas: Collection[str]) -> str:
    """Which of these replicas owns a region. There is at least one."""
    return max(replicas, key=lambda replica: blake2b(f"{replica} {region}".encode(), digest_size=8).digest())


@lru_cache(maxsize=REMEMBERED)
def around(region: str, radius_m: float) -> frozenset[str]:
    """The regions that can hold a driver for a job in this one: itself, its neighbours, and whatever else a
    circle of this radius (metres) around any of its points can touch."""
    steps = 1
    while any(_gap_m(region, other) <= radius_m for other in _ring(region, steps + 1)):
        steps += 1
    return frozenset(h3.grid_disk(region, steps))


def _ring(region: str, steps: int) -> set[str]:
    # Not grid_ring, which some versions of H3 refuse near pentagons.
    return set(h3.grid_disk(region, steps)) - set(h3.grid_disk(region, steps - 1))


def _gap_m(one: str, other: str) -> float:
    """No point of one is nearer to the other than this."""
    return haversine_m(*h3.cell_to_latlng(one), *h3.cell_to_latlng(other)) - _reach_m(one) - _reach_m(other)


@lru_cache(maxsize=REMEMBERED)
def _reach_m(region: str) -> float:
    """From its centre to the corner that is furthest away."""
    centre = h3.cell_to_latlng(region)
    return max(haversine_m(*centre, *corner) for corner in h3.cell_to_boundary(region))
