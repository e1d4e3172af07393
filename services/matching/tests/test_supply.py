"""The supply map against a plain scan over all drivers."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from h3.api import basic_int as h3
from hypothesis import example, given, settings
from hypothesis import strategies as st

from matching.cells import DISTRICT, DISTRICT_REACH_M, NEVER, PLACE
from matching.geo import CELL, CELL_REACH_M, chord_of, haversine_m, metres_of, point
from matching.states import Gate
from matching.supply import RECENT, Supply
from matching.walk import MOST_PASSED_OVER

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
FRESH = NOW - timedelta(seconds=60)
A_MILLIMETRE = 1e-3
BY_STATUS = [Gate.offline, Gate.not_approved, Gate.operator, Gate.busy]

pentagons = [h3.cell_to_latlng(cell) for resolution in (0, CELL) for cell in h3.get_pentagons(resolution)]
hard_places = [(90.0, 0.0), (-90.0, 0.0), (0.0, 180.0), (52.0, -180.0), (40.7, -74.0), *pentagons]
steps = st.floats(-1, 1).map(lambda step: step * abs(step))  # more of the small ones
Place = tuple[float, float]
drivers = st.integers(0, 9).map("d{}".format)


@dataclass
class Known:
    """A driver, as the plain scan knows it."""

    at: tuple[float, float] | None = None
    seen: datetime = NOW - timedelta(days=9)
    gate: Gate | None = Gate.offline
    told: bool = False
    vehicle: str | None = None
    version: int = 0

    def why_not(self, vehicle):
        if self.gate:
            return self.gate
        if self.seen < FRESH:
            return Gate.stale
        return Gate.wrong_vehicle if vehicle and self.vehicle != vehicle else None


@dataclass
class World:
    """The map and the plain scan, told the same."""

    supply: Supply = field(default_factory=Supply)
    known: dict[str, Known] = field(default_factory=dict)

    def move(self, driver, at: Place, seen=NOW):
        self.supply.move(driver, at[0], at[1], seen)
        one = self.known.setdefault(driver, Known())
        if seen >= one.seen:
            one.at, one.seen = at, seen

    def mark(self, driver, gate=None, vehicle=None, version=1):
        self.supply.mark(driver, gate=gate, vehicle_type=vehicle, version=version)
        one = self.known.setdefault(driver, Known())
        if version >= one.version:
            one.told = one.told or gate is not Gate.offline
            one.gate, one.vehicle, one.version = gate, vehicle, version

    def forget(self, driver):
        self.supply.forget(driver)
        self.known.pop(driver, None)

    def there(self, pickup: Place, radius, without):
        """Distance, driver and record of everybody on the map and in the radius, nearest first."""
        return sorted(
            (apart(pickup, one.at), driver, one)
            for driver, one in self.known.items()
            if one.at and one.told and driver not in without and apart(pickup, one.at) <= radius
        )

    def check(self, pickup: Place, radius, count, vehicle=None, without=()):
        """The map's answer is the scan's, to the millimetre."""
        given_ = self.supply.nearest(
            pickup[0], pickup[1], radius, count, fresh_since=FRESH, vehicle_type=vehicle, without=without
        )
        there = self.there(pickup, radius, without)
        free = [(far, driver) for far, driver, one in there if one.why_not(vehicle) is None]
        wanted = free[:count]
        assert [far for _, far in given_.found] == pytest.approx([f for f, _ in wanted], abs=A_MILLIMETRE)
        assert [far for _, far in given_.found] == sorted(far for _, far in given_.found)
        exact = {driver: far for far, driver in free}
        assert all(exact[driver] == pytest.approx(far, abs=A_MILLIMETRE) for driver, far in given_.found)
        assert len(dict(given_.found)) == len(wanted)
        edge = wanted[-1][0] if count is not None and len(wanted) == count else radius
        gates = {driver: one.why_not(vehicle) for _, driver, one in there if one.why_not(vehicle)}
        surely = {driver for far, driver, _ in there if far < edge - A_MILLIMETRE and driver in gates}
        assert surely <= set(given_.passed_over)
        assert all(gates[driver] is gate for driver, gate in given_.passed_over.items())
        places = [self.known[driver].at for driver in given_.passed_over]
        assert all(at and apart(pickup, at) <= edge + A_MILLIMETRE for at in places)


def apart(one: Place, other: Place) -> float:
    return haversine_m(*one, *other)


def moved(place: Place, north: float, east: float) -> Place:
    return max(-90.0, min(90.0, place[0] + north)), (place[1] + east + 180) % 360 - 180


@st.composite
def worlds(draw):
    """Up to ten drivers somewhere around a hard place, told in any order; and a pickup among them."""
    middle, spread = draw(st.sampled_from(hard_places)), draw(st.sampled_from([0.002, 0.02, 0.3]))
    near = st.tuples(steps, steps).map(lambda step: moved(middle, step[0] * spread, step[1] * spread))
    ages = st.sampled_from([0, 30, 61, 600]).map(lambda age: NOW - timedelta(seconds=age))
    moves = st.tuples(st.just("move"), drivers, near, ages)
    gates = st.sampled_from([None, None, None, *BY_STATUS])
    marks = st.tuples(
        st.just("mark"), drivers, gates, st.sampled_from([None, "van", "bike"]), st.integers(1, 4)
    )
    forgotten = st.tuples(st.just("forget"), drivers)
    world = World()
    for name, *told in draw(st.lists(st.one_of(moves, moves, marks, marks, forgotten), max_size=150)):
        getattr(world, name)(*told)
    return world, draw(near)


@settings(max_examples=300, deadline=None)
@given(
    worlds(),
    st.sampled_from([0, 300, 1_000, 5_000, 30_000, 1e9]),
    st.sampled_from([1, 2, 10, None]),
    st.sampled_from([None, "van"]),
    st.sets(drivers, max_size=3),
)
def test_it_finds_whom_a_plain_scan_finds_wherever_on_earth(placed, radius, count, vehicle, without):
    """A1, B2, A12: the nearest, in order, and why not the others; at poles, pentagons and the date line."""
    world, pickup = placed
    world.check(pickup, radius, count, vehicle, without)
    for driver, one in world.known.items():
        assert world.supply.position(driver) == one.at
        assert world.supply.seen_at(driver) == (one.seen if one.at else None)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 10, 50, None]), st.sampled_from(hard_places))
def test_it_finds_them_in_a_crowd(seed, count, middle):
    """B2: so dense that a few rings hold enough, with busy drivers between, while everybody moves."""
    world, numbers = World(), Random(seed)
    for number in range(700):
        at = moved(middle, numbers.gauss(0, 0.01), numbers.gauss(0, 0.01))
        world.mark(f"d{number}", numbers.choice([None, None, None, Gate.busy]))
        world.move(f"d{number}", at)
        world.move(f"d{number}", moved(at, numbers.gauss(0, 0.003), numbers.gauss(0, 0.003)))
    for _ in range(10):
        pickup = moved(middle, numbers.gauss(0, 0.01), numbers.gauss(0, 0.01))
        given_ = world.supply.nearest(pickup[0], pickup[1], 700, count, fresh_since=FRESH, vehicle_type=None)
        assert len(given_.passed_over) <= MOST_PASSED_OVER
        if len(given_.passed_over) < MOST_PASSED_OVER:
            world.check(pickup, 700, count)
            world.check(pickup, 5_000, 3)
            world.check(pickup, 5_000, 1)


@settings(max_examples=300, deadline=None)
@given(st.tuples(st.floats(-90, 90), st.floats(-180, 180)) | st.sampled_from(hard_places), steps, steps)
@example((90.0, 0.0), 0.0, 0.0)
def test_no_point_is_further_from_its_cell_and_district_than_the_walk_believes(place, north, east):
    """B2: the figures that let a walk stop."""
    at = moved(place, north, east)
    cell = h3.latlng_to_cell(at[0], at[1], CELL)
    assert apart(at, h3.cell_to_latlng(cell)) < CELL_REACH_M
    assert apart(at, h3.cell_to_latlng(h3.cell_to_parent(cell, DISTRICT))) < DISTRICT_REACH_M


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180))
def test_a_chord_spans_the_haversine_distance(lat1, lng1, lat2, lng2):
    """B2. Antipodes excepted, where both formulas lose digits."""
    far = haversine_m(lat1, lng1, lat2, lng2)
    a, b = point(lat1, lng1), point(lat2, lng2)
    chord = sum((one - other) ** 2 for one, other in zip(a, b, strict=True)) ** 0.5
    assert metres_of(chord) == pytest.approx(far, rel=1e-6, abs=100 if far > 2e7 else A_MILLIMETRE)
    assert metres_of(chord_of(far)) == pytest.approx(far, rel=1e-6, abs=100 if far > 2e7 else A_MILLIMETRE)


def test_only_available_fresh_and_fitting_drivers_are_found_and_the_others_have_a_reason():
    """A1, C4, A12: the status comes before the age of the position, and that before the vehicle."""
    world = World()
    for gate in BY_STATUS:
        world.mark(gate, None, "van", 1)
        world.mark(gate, gate, "bike", 2)
        world.move(gate, (40.7, -74.0), NOW - timedelta(seconds=61))
    for driver, age, vehicle in [("fits", 60, "van"), ("stale", 61, "bike"), ("wrong_vehicle", 0, "bike")]:
        world.mark(driver, None, vehicle)
        world.move(driver, (40.7, -74.0), NOW - timedelta(seconds=age))
    seen = world.supply.nearest(40.7, -74.0, 1_000, 10, fresh_since=FRESH, vehicle_type="van")
    assert seen.found == [("fits", 0.0)]
    assert seen.passed_over == {gate.value: gate for gate in [*BY_STATUS, Gate.stale, Gate.wrong_vehicle]}
    nobody = world.supply.nearest(
        40.7, -74.0, 1_000, 10, fresh_since=FRESH, vehicle_type="van", without={"fits", "stale"}
    )
    assert nobody.found == []
    assert set(nobody.passed_over) == set(seen.passed_over) - {"stale"}


def test_an_older_position_or_status_changes_nothing():
    """C3: messages may come out of order."""
    world = World()
    world.move("ada", (40.7, -74.0))
    world.move("ada", (10.0, 10.0), NOW - timedelta(seconds=1))
    assert world.supply.position("ada") == (40.7, -74.0)
    world.mark("ada", Gate.busy, version=2)
    world.mark("ada", None, version=1)
    assert world.supply.within(40.7, -74.0, 100, fresh_since=FRESH) == []


def test_who_is_out_of_service_leaves_the_map_when_many_others_followed():
    """C2, A12: the last to go can be told as passed over; those before cost nothing, and can come back."""
    world = World()
    for number in range(RECENT + 2):
        world.move(f"d{number}", (40.7, -74.0))
        world.mark(f"d{number}", None, version=1)
    for number in range(RECENT + 2):
        world.mark(f"d{number}", Gate.offline, version=2)
    standing = sum(len(cell.spots) for cell in world.supply._cells.by_id.values())
    assert standing == RECENT
    assert world.supply.position("d0") == (40.7, -74.0)
    assert len(world.supply) == RECENT + 2
    world.move("d0", (40.8, -74.0))
    assert world.supply.within(40.8, -74.0, 100, fresh_since=FRESH) == []
    world.mark("d0", None, version=3)
    assert world.supply.within(40.8, -74.0, 100, fresh_since=FRESH) == [("d0", 0.0)]


def test_no_more_than_the_nearest_are_told_of_those_passed_over():
    """A12: bounded, however many are busy."""
    world = World()
    for number in range(MOST_PASSED_OVER + 50):
        world.mark(f"d{number}", Gate.busy)
        world.move(f"d{number}", (40.7 + number * 1e-4, -74.0))
    told = world.supply.nearest(40.7, -74.0, 50_000, 10, fresh_since=FRESH, vehicle_type=None).passed_over
    assert list(told) == [f"d{number}" for number in range(MOST_PASSED_OVER)]


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_the_map_keeps_each_driver_once_and_no_empty_cell(placed):
    """C3: whatever was told in whatever order."""
    cells = placed[0].supply._cells
    for cell in cells.by_id.values():
        assert cell.spots
        assert len(cell.places) == PLACE.size * len(cell.spots)
        for number, spot in enumerate(cell.spots):
            assert (spot.cell, spot.number) == (cell, number)
            assert spot.seen > NEVER
            assert h3.latlng_to_cell(spot.lat, spot.lng, CELL) == cell.id
    listed = [cell for district in cells.districts.values() for cell in district.cells]
    assert sorted(listed) == sorted(cells.by_id)
    standing = [spot.driver for cell in cells.by_id.values() for spot in cell.spots]
    assert len(standing) == len(set(standing))
