"""The supply map against a plain scan over all drivers."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from matching.geo import haversine_m
from matching.supply import Supply

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)
near_city = st.tuples(st.floats(40.5, 41.0), st.floats(-74.3, -73.7))
anywhere = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def filled(points):
    supply = Supply()
    for number, (lat, lng) in enumerate(points):
        supply.move(f"d{number}", lat, lng, NOW)
        supply.mark(f"d{number}", available=True, vehicle_type=None, version=1)
    return supply


def scanned(points, pickup, radius):
    return {f"d{n}" for n, point in enumerate(points) if haversine_m(*pickup, *point) <= radius}


def found(supply, pickup, radius, **wish):
    return {driver for driver, _ in supply.within(*pickup, radius, fresh_since=LONG_AGO, **wish)}


@settings(max_examples=150, deadline=None)
@given(st.lists(near_city, max_size=60), near_city, st.sampled_from([300, 1_000, 5_000, 15_000, 30_000]))
def test_it_finds_exactly_the_drivers_within_the_radius(points, pickup, radius):
    """A1, B2: no false, no missing, whichever way it walks."""
    assert found(filled(points), pickup, radius) == scanned(points, pickup, radius)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([700, 2_000, 5_000]))
def test_the_ring_walk_finds_exactly_the_drivers_of_a_crowded_city(seed, radius):
    """B2: with so many occupied cells that rings are walked."""
    import random  # noqa: PLC0415

    numbers = random.Random(seed)
    points = [(numbers.uniform(40.6, 40.9), numbers.uniform(-74.1, -73.8)) for _ in range(1500)]
    pickup = (numbers.uniform(40.6, 40.9), numbers.uniform(-74.1, -73.8))
    assert found(filled(points), pickup, radius) == scanned(points, pickup, radius)


@settings(max_examples=100, deadline=None)
@given(anywhere, st.floats(-0.1, 0.1), st.floats(-0.1, 0.1))
@example((0.0, 180.0), 0.01, 0.01)
@example((90.0, 0.0), 0.0, 0.0)
def test_it_works_at_the_poles_and_the_date_line(pickup, north, east):
    lat = max(-90.0, min(90.0, pickup[0] + north))
    lng = (pickup[1] + east + 180) % 360 - 180
    points = [(lat, lng)]
    assert found(filled(points), pickup, 5_000) == scanned(points, pickup, 5_000)


def test_only_available_fresh_and_fitting_drivers_count():
    """A1, C4."""
    supply = Supply()
    for driver, age, available, vehicle in [
        ("fits", 0, True, "van"),
        ("stale", 61, True, "van"),
        ("busy", 0, False, "van"),
        ("bike", 0, True, "bike"),
    ]:
        supply.move(driver, 40.7, -74.0, NOW - timedelta(seconds=age))
        supply.mark(driver, available=available, vehicle_type=vehicle, version=1)
    fresh = NOW - timedelta(seconds=60)
    within = supply.within(40.7, -74.0, 1_000, fresh_since=fresh, vehicle_type="van")
    assert [driver for driver, _ in within] == ["fits"]
    none_left = supply.within(40.7, -74.0, 1_000, fresh_since=fresh, vehicle_type="van", without={"fits"})
    assert list(none_left) == []


def test_an_older_position_or_status_changes_nothing():
    """C3: messages may come out of order."""
    supply = Supply()
    supply.move("ada", 40.7, -74.0, NOW)
    supply.move("ada", 10.0, 10.0, NOW - timedelta(seconds=1))
    assert supply.position("ada") == (40.7, -74.0)
    supply.mark("ada", available=False, vehicle_type=None, version=2)
    supply.mark("ada", available=True, vehicle_type=None, version=1)
    assert found(supply, (40.7, -74.0), 100) == set()


def test_a_driver_is_in_one_cell_only_after_moving():
    supply = filled([(40.7, -74.0)])
    supply.move("d0", 41.5, -75.0, NOW + timedelta(seconds=1))
    assert found(supply, (40.7, -74.0), 5_000) == set()
    assert found(supply, (41.5, -75.0), 5_000) == {"d0"}
    assert len(supply) == 1
