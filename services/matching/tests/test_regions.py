"""Regions: who owns which, and how far around one somebody has to listen."""

from itertools import pairwise

from h3.api import basic_str as h3
from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import new_id
from matching.geo import haversine_m
from matching.regions import RESOLUTION, around, owner_of, region_of

REGIONS = sorted(h3.grid_disk(region_of(40.7, -74.0), 12))
PENTAGONS = sorted(h3.get_pentagons(RESOLUTION))
ids = st.lists(st.uuids().map(str), min_size=1, max_size=8, unique=True)


@given(ids)
def test_every_replica_reckons_the_same_owner_in_whatever_order_it_knows_the_others(replicas):
    for region in REGIONS[:20]:
        assert owner_of(region, replicas) == owner_of(region, list(reversed(replicas)))
        assert owner_of(region, replicas) in replicas


@given(ids, st.uuids().map(str))
def test_only_regions_move_that_the_newcomer_takes(replicas, newcomer):
    """And seen the other way: only those move that a replica leaves behind."""
    for region in REGIONS[:50]:
        assert owner_of(region, [*replicas, newcomer]) in (owner_of(region, replicas), newcomer)


def test_shares_are_about_equal():
    replicas = [str(new_id()) for _ in range(4)]
    shares = [sum(owner_of(region, replicas) == one for region in REGIONS) for one in replicas]
    fair = len(REGIONS) / len(replicas)
    assert all(fair / 2 < share < fair * 2 for share in shares), shares


places = st.tuples(st.floats(-89, 89), st.floats(-179, 179))


def _points_of(region):
    """Its corners, points between them, and its centre: the places that are furthest out."""
    corners = h3.cell_to_boundary(region)
    between = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in pairwise(corners) if abs(a[1] - b[1]) < 90]
    return [*corners, *between, h3.cell_to_latlng(region)]


def _assert_covered(region, radius_m):
    """Nobody further out than the regions listened to is within the radius of any place in this one."""
    listened = around(region, radius_m)
    assert set(h3.grid_disk(region, 1)) <= listened
    for cell in set(h3.grid_disk(region, 4)) - listened:
        nearest = min(haversine_m(*a, *b) for a in _points_of(region) for b in _points_of(cell))
        assert nearest > radius_m, (region, cell)


@given(places, st.sampled_from([1_000, 15_000, 30_000]))
def test_nobody_in_the_radius_of_a_job_stands_where_its_owner_does_not_listen(place, radius_m):
    """A1, B2: whichever corner of the region the job is in."""
    _assert_covered(region_of(*place), radius_m)


def test_nor_near_a_pentagon():
    """Where cells are smaller, and five of them meet around one."""
    for pentagon in PENTAGONS[:3]:
        for region in h3.grid_disk(pentagon, 1):
            _assert_covered(region, 30_000)


def test_no_more_is_listened_to_than_there_is_reason_for():
    manhattan = region_of(40.7, -74.0)
    assert len(around(manhattan, 0)) == 7
    assert len(around(manhattan, 30_000)) <= 19
