"""Boxes on the map against a plain scan, anywhere on earth."""

from datetime import UTC, datetime

from h3.api import basic_int as h3
from hypothesis import example, given, settings
from hypothesis import strategies as st

from matching.boxes import CELLS_SHOWN, REGION_REACH_M, Box, region_of_all, regions_near, spoken_for_with
from matching.geo import CELL, haversine_m
from matching.regions import RESOLUTION, around, region_of
from matching.supply import Supply

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
latitudes, longitudes = st.floats(-90, 90), st.floats(-180, 180)
places = st.tuples(latitudes, longitudes)
steps = st.floats(0, 1).map(lambda step: step * step * step)  # more of the small ones


@st.composite
def boxes(draw):
    """Of all sizes, over the antimeridian, too."""
    south, west = draw(places)
    east = west + draw(steps) * 360
    north = min(90.0, south + draw(steps) * 180)
    return Box(west, south, east - 360 if east > 180 else east, north)


def plainly_holds(box, place):
    lat, lng = place
    for same in (lng, lng - 360, lng + 360):
        if box.west <= same <= box.east + (360 if box.west > box.east else 0):
            return box.south <= lat <= box.north
    return False


@st.composite
def boxes_with_drivers(draw):
    """Drivers in the box, on its edges, close around it, and anywhere."""
    box = draw(boxes())
    inside = st.tuples(steps, steps).map(
        lambda part: (
            box.south + part[0] * (box.north - box.south),
            (box.west + part[1] * box.width + 180) % 360 - 180,
        )
    )
    beside = st.tuples(inside, st.floats(-0.05, 0.05), st.floats(-0.05, 0.05)).map(
        lambda one: (max(-90.0, min(90.0, one[0][0] + one[1])), max(-180.0, min(180.0, one[0][1] + one[2])))
    )
    corners = st.sampled_from(
        [(lat, lng) for lat in (box.south, box.north) for lng in (box.west, box.east, -180.0, 180.0)]
    )
    return box, draw(st.lists(inside | beside | corners | places, max_size=40))


@settings(max_examples=400, deadline=None)
@given(boxes_with_drivers())
@example((Box(179.99999999999997, 0.0, 179.99999999999997, 0.0), [(0.0, -180.0)]))
def test_the_map_shows_who_is_in_the_box_and_nobody_else(drawn):
    """D3: whatever the box, poles and antimeridian included."""
    box, drivers = drawn
    supply = Supply()
    for number, (lat, lng) in enumerate(drivers):
        supply.mark(str(number), gate=None, vehicle_type=None, version=1)
        supply.move(str(number), lat, lng, NOW)
    shown = [spot.driver for cells in supply.in_box(box) for _, spots in cells for spot in spots]
    expected = [str(number) for number, place in enumerate(drivers) if plainly_holds(box, place)]
    assert sorted(shown) == sorted(expected)


@settings(deadline=None)
@given(boxes_with_drivers())
def test_every_region_that_touches_the_box_is_looked_at(drawn):
    """D3: of a box that is not too large."""
    box, drivers = drawn
    near = regions_near(box)
    for place in drivers:
        if near is not None and plainly_holds(box, place):
            assert region_of(*place) in near


@settings(deadline=None)
@given(boxes_with_drivers())
def test_a_box_has_no_more_cells_than_a_screen_bears(drawn):
    """D3: counted from above, by all cells near it."""
    box, _ = drawn
    resolution = box.resolution()
    assert 0 <= resolution <= CELL
    reach = 2.5 * h3.average_hexagon_edge_length(resolution, "m")
    middle = (box.south + box.north) / 2, (box.west + box.width / 2 + 180) % 360 - 180
    found, edge = set(), {h3.latlng_to_cell(middle[0], middle[1], resolution)}
    while edge:
        found |= edge
        around_them = {other for cell in edge for other in h3.grid_disk(cell, 1)}
        edge = {cell for cell in around_them - found if box.near(h3.cell_to_latlng(cell), reach)}
    assert len(found) <= 3 * CELLS_SHOWN


@settings(deadline=None)
@given(places)
def test_no_point_of_a_region_is_further_from_its_centre_than_is_said(place):
    centre = h3.cell_to_latlng(h3.latlng_to_cell(place[0], place[1], RESOLUTION))
    assert haversine_m(*place, *centre) <= REGION_REACH_M


@settings(deadline=None)
@given(places)
def test_a_cell_is_in_one_region_or_its_drivers_are_looked_at_one_by_one(place):
    cell = h3.latlng_to_cell(place[0], place[1], CELL)
    assert region_of_all(cell) in (None, region_of(*h3.cell_to_latlng(cell)))


@settings(deadline=None)
@given(places, st.data())
def test_whoever_speaks_for_a_region_listens_to_it(place, data):
    """D3: and where nobody listens nobody speaks."""
    region = region_of(*place)
    nearby = sorted(around(region, 30_000))
    known = dict.fromkeys(data.draw(st.sets(st.sampled_from(nearby))), 0)
    voice = spoken_for_with(region, known)
    if voice is None:
        assert not any(region in around(one, 0) for one in known)
    else:
        assert voice in known
        assert region in around(voice, 0)
        assert voice == region or region not in known
