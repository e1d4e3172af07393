"""A synthetic day over a made-up city, for those without a trips file."""

import random
from dataclasses import dataclass

from city.demand import HOUR, Spot, Trip

CENTRE = Spot(48.2, 16.37)
KM_LAT = 1 / 110.574
KM_LNG = 1 / 74.2  # at the centre's latitude
TRIPS = 20_000

# Share of the day's trips in each hour: a morning rush, a longer one in the evening, a quiet night.
HOURS = (8, 5, 3, 2, 3, 8, 20, 45, 60, 45, 35, 36, 40, 38, 36, 40, 52, 70, 78, 66, 50, 40, 30, 16)


@dataclass(frozen=True)
class Quarter:
    """A Gaussian cluster of pickups: km east and north of the centre, its width, its share by half-day."""

    east: float
    north: float
    sigma_km: float
    morning: float
    evening: float


QUARTERS = (
    Quarter(0.0, 0.0, 1.2, 2.0, 6.0),  # old town: people leave it in the evening
    Quarter(1.5, 2.0, 0.8, 1.5, 3.0),  # offices by the river
    Quarter(-3.5, 1.0, 1.5, 3.0, 1.5),  # where people live
    Quarter(2.5, -3.5, 1.8, 3.0, 1.5),
    Quarter(-1.5, -4.5, 2.2, 2.0, 1.0),
    Quarter(11.0, -8.0, 0.5, 0.7, 0.7),  # airport
)
NOON = 12


def a_day(seed: int, trips: int = TRIPS) -> list[Trip]:
    """`trips` pickups of one day, sorted by time; the same for the same seed."""
    rng = random.Random(f"day {seed}")
    hours = rng.choices(range(len(HOURS)), HOURS, k=trips)
    return sorted((_trip(hour, rng) for hour in hours), key=lambda trip: trip.at)


def _trip(hour: int, rng: random.Random) -> Trip:
    weights = [quarter.morning if hour < NOON else quarter.evening for quarter in QUARTERS]
    quarter = rng.choices(QUARTERS, weights)[0]
    lat = CENTRE.lat + rng.gauss(quarter.north, quarter.sigma_km) * KM_LAT
    lng = CENTRE.lng + rng.gauss(quarter.east, quarter.sigma_km) * KM_LNG
    return Trip((hour + rng.random()) * HOUR, Spot(lat, lng))
