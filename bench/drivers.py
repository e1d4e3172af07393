"""Places of drivers and pickups like a city's: crowded hubs, and some everywhere. A seed repeats them."""

import csv
import random
from collections.abc import Sequence
from pathlib import Path

Place = tuple[float, float]
"""Degrees of latitude and longitude."""

MIDDLE = (40.75, -73.98)
HUBS = [  # middle, spread in degrees, share of everybody
    ((40.75, -73.98), 0.03, 0.45),
    ((40.68, -73.95), 0.05, 0.20),
    ((40.64, -73.78), 0.01, 0.05),
    ((40.77, -73.87), 0.01, 0.05),
]
ANYWHERE = ((40.55, 40.92), (-74.15, -73.70))
"""About 40 × 40 km: where the rest is."""


def city(many: int, seed: int, *, size: float = 1.0) -> list[Place]:
    """So many places in a city of `size` times the width."""
    numbers = random.Random(seed)
    shares = [share for _, _, share in HUBS]
    kinds = numbers.choices([*HUBS, None], [*shares, 1 - sum(shares)], k=many)
    return [_shrunk(_somewhere(numbers, kind), size) for kind in kinds]


def _somewhere(numbers: random.Random, hub: tuple[Place, float, float] | None) -> Place:
    if hub is None:
        return numbers.uniform(*ANYWHERE[0]), numbers.uniform(*ANYWHERE[1])
    (lat, lng), spread, _ = hub
    return numbers.gauss(lat, spread), numbers.gauss(lng, spread * 1.3)


def _shrunk(place: Place, size: float) -> Place:
    lat, lng = MIDDLE
    return lat + (place[0] - lat) * size, lng + (place[1] - lng) * size


def recorded(file: Path, many: int, seed: int) -> list[Place]:
    """Places drawn from a CSV file with columns Lat and Lon, each up to some 100 m from a recorded one."""
    with file.open(newline="") as lines:
        kept = [(float(row["Lat"]), float(row["Lon"])) for row in csv.DictReader(lines)]
    numbers = random.Random(seed)
    return [nudged(numbers, place, 0.001) for place in numbers.choices(kept, k=many)]


def nudged(numbers: random.Random, place: Place, spread: float) -> Place:
    """A place about `spread` degrees away."""
    return numbers.gauss(place[0], spread), numbers.gauss(place[1], spread)


def driven(places: Sequence[Place], many: int, seed: int) -> list[tuple[int, Place]]:
    """So many moves: who, and where to, some 50 m from the place before."""
    numbers = random.Random(seed)
    now = list(places)
    moves = []
    for _ in range(many):
        who = numbers.randrange(len(now))
        now[who] = nudged(numbers, now[who], 0.0005)
        moves.append((who, now[who]))
    return moves
