"""The coarse H3 parent that positions are addressed by, and that matching replicas will own."""

from h3.api import basic_str as h3

RESOLUTION = 4
"""About 1,770 km²: a city is a handful."""


def region_of(lat: float, lng: float) -> str:
    """The cell's name, as it stands in `driver.location.<cell>.<driver>`."""
    return str(h3.latlng_to_cell(lat, lng, RESOLUTION))
