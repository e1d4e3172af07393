import random
from itertools import islice
from pathlib import Path

import pytest

from city.day import CENTRE, a_day
from city.demand import HOUR, DemandError, Spot, Trip, busiest_hour, plan, read_trips

HEADER = '"Date/Time","Lat","Lon","Base"\n'


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "trips.csv"
    path.write_text(text)
    return path


def test_pickups_of_one_minute_are_spread_over_it_the_same_way_each_time(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "2014/4/1 00:11:00,40.769,-73.9549,B02512\n" * 20)
    trips, skipped = read_trips(path)
    assert skipped == 0
    assert len({trip.at for trip in trips}) == 20
    assert trips[-1].at - trips[0].at < 60
    assert trips == sorted(trips, key=lambda trip: trip.at)
    assert read_trips(path)[0] == trips


@pytest.mark.parametrize("form", ["2014/4/1 00:11:00", "4/1/2014 0:11:00", "2014-04-01 00:11:00"])
def test_times_are_read_in_the_forms_in_which_such_files_are_published(tmp_path: Path, form: str) -> None:
    trips, skipped = read_trips(write(tmp_path, f"{HEADER}{form},40.7,-74.0,B1\n"))
    assert skipped == 0
    assert 0 <= trips[0].at - 1396311060 < 60


def test_rows_that_cannot_be_right_are_skipped_and_counted(tmp_path: Path) -> None:
    bad = [
        "2014/4/1 00:11:00,91,-73.9,B1",
        "2014/4/1 00:11:00,-90.1,-73.9,B1",
        "2014/4/1 00:11:00,40.7,-181,B1",
        "2014/4/1 00:11:00,nan,-73.9,B1",
        "2014/4/1 00:11:00,40.7,inf,B1",
        "2014/4/1 00:11:00,,-73.9,B1",
        "2014/4/31 00:11:00,40.7,-73.9,B1",
        "yesterday,40.7,-73.9,B1",
        "2014/4/1 00:11:00",
        "\x00\x01",
    ]
    path = write(tmp_path, HEADER + "2014/4/1 00:11:00,40.7,-74.0,B1\n" + "\n".join(bad) + "\n")
    trips, skipped = read_trips(path)
    assert [trip.spot for trip in trips] == [Spot(40.7, -74.0)]
    assert skipped == len(bad)


def test_a_file_without_the_columns_is_refused_by_their_names(tmp_path: Path) -> None:
    with pytest.raises(DemandError, match="Lat, Lon"):
        read_trips(write(tmp_path, "Date/Time,Latitude\n2014/4/1 00:11:00,40.7\n"))


@pytest.mark.parametrize("text", ["", HEADER, HEADER + "x,y,z,B1\n"])
def test_a_file_without_a_usable_row_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DemandError):
        read_trips(write(tmp_path, text))


def at(*seconds: float) -> list[Trip]:
    return [Trip(each, Spot(1.0, each / HOUR)) for each in seconds]


def test_the_busiest_hour_is_found_wherever_it_begins() -> None:
    trips = at(0, 100, 2 * HOUR, 2.5 * HOUR, 2.9 * HOUR, 4 * HOUR)
    assert busiest_hour(trips) == (2, 3)


def test_the_speed_brings_the_wanted_rate_in_the_busiest_hour() -> None:
    demand = plan(at(*(10.0 * number for number in range(720))), speed=None, rate=12)
    assert demand.speed == pytest.approx(120)
    assert demand.rate == pytest.approx(12)
    assert plan(demand.trips, speed=30, rate=12).rate == pytest.approx(3)


def test_wishes_keep_the_real_gaps_sped_up_and_begin_anew_after_the_last_trip() -> None:
    demand = plan(at(0, 50, 90), speed=10, rate=1)
    wishes = list(islice(demand.wishes(random.Random(1)), 7))
    assert [wish.due for wish in wishes] == pytest.approx([0, 5, 9, 15, 20, 24, 30])
    assert [wish.pickup for wish in wishes[:3]] == [trip.spot for trip in demand.trips]
    assert {wish.dropoff for wish in wishes} <= {trip.spot for trip in demand.trips}


def test_drivers_stand_where_the_busiest_hour_wants_them() -> None:
    demand = plan(at(0, 5 * HOUR, 5.1 * HOUR, 5.2 * HOUR), speed=1, rate=1)
    assert set(demand.spots(50, random.Random(1))) == {trip.spot for trip in demand.trips[1:]}


def test_a_synthetic_day_is_the_same_for_the_same_seed_and_has_its_rush_in_the_evening() -> None:
    day = a_day(7, 5000)
    assert day == a_day(7, 5000)
    assert day != a_day(8, 5000)
    first, most = busiest_hour(day)
    assert 16 * HOUR <= day[first].at <= 19 * HOUR
    assert most > 5000 / 24 * 1.5
    assert all(abs(trip.spot.lat - CENTRE.lat) < 0.3 for trip in day)


def test_an_address_is_readable_on_every_side_of_the_globe() -> None:
    assert Spot(-33.86, 151.2).address == "33.8600° S, 151.2000° E"
