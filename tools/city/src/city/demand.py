"""Who wants a ride, where and when: read from a trips file or generated, and sped up."""

import csv
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from pathlib import Path

FORMATS = ("%Y/%m/%d %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S")
COLUMNS = ("Date/Time", "Lat", "Lon")
HOUR = 3600.0
MINUTE = 60


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in degrees (WGS 84)."""

    lat: float
    lng: float

    @property
    def address(self) -> str:
        return f"{abs(self.lat):.4f}° {'NS'[self.lat < 0]}, {abs(self.lng):.4f}° {'EW'[self.lng < 0]}"


@dataclass(frozen=True, slots=True)
class Trip:
    """A pickup at `at`, in seconds on the file's own local time line."""

    at: float
    spot: Spot


@dataclass(frozen=True, slots=True)
class Wish:
    """A job to be ordered `due` seconds after the start."""

    due: float
    pickup: Spot
    dropoff: Spot


class DemandError(ValueError):
    """The trips file holds nothing to replay; the message says what was expected."""


def read_trips(path: Path) -> tuple[list[Trip], int]:
    """The usable rows of a CSV `Date/Time,Lat,Lon,…`, sorted by time, and how many rows were skipped.

    Times are to the minute: the pickups of a minute are spread over it, the same way each time.
    DemandError if a column is missing or no row can be used.
    """
    skipped = 0
    rows: list[tuple[int, Spot]] = []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        reader = csv.DictReader(file)
        if missing := [column for column in COLUMNS if column not in (reader.fieldnames or ())]:
            raise DemandError(f"{path}: no column {', '.join(missing)} in the first line")
        for row in reader:
            if (usable := parse_row(row)) is None:
                skipped += 1
            else:
                rows.append(usable)
    if not rows:
        raise DemandError(f"{path}: no usable row ({skipped} skipped)")
    return spread(rows), skipped


def parse_row(row: dict[str, str | None]) -> tuple[int, Spot] | None:
    """(seconds, spot), or None for a row with a missing, malformed or impossible value."""
    try:
        at = _seconds(row["Date/Time"] or "")
        lat, lng = float(row["Lat"] or ""), float(row["Lon"] or "")
    except ValueError:
        return None
    possible = -90 <= lat <= 90 and -180 <= lng <= 180  # noqa: PLR2004  NaN fails too
    return (at, Spot(lat, lng)) if possible else None


@lru_cache(maxsize=4096)
def _seconds(text: str) -> int:
    for form in FORMATS:
        try:
            return int(datetime.strptime(text.strip(), form).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    raise ValueError(f"not a time: {text!r}")


def spread(rows: Iterable[tuple[int, Spot]]) -> list[Trip]:
    """Give each row of one minute its own moment in it, derived from the minute and its place in the file."""
    nth: Counter[int] = Counter()
    trips = []
    for at, spot in rows:
        minute = at - at % MINUTE
        nth[minute] += 1
        moment = random.Random(f"{minute} {nth[minute]}").random() * MINUTE
        trips.append(Trip(minute + moment, spot))
    return sorted(trips, key=lambda trip: trip.at)


@dataclass(frozen=True)
class Demand:
    """Trips from the busiest hour on, `speed` times as fast as they were."""

    trips: Sequence[Trip]
    first: int
    speed: float
    rate: float
    """Jobs a second to be expected in the busiest hour."""

    def wishes(self, rng: random.Random) -> Iterator[Wish]:
        """Without end: after the last trip the first follows. Each goes where another trip began."""
        trips, first = self.trips, self.first
        length = trips[-1].at - trips[0].at + HOUR / MINUTE
        for number in count():
            lap, index = divmod(first + number, len(trips))
            due = (trips[index].at + lap * length - trips[first].at) / self.speed
            yield Wish(due, trips[index].spot, rng.choice(trips).spot)

    def spots(self, number: int, rng: random.Random) -> list[Spot]:
        """Places to put drivers: where the trips of the busiest hour begin."""
        last = bisect_left(self.trips, self.trips[self.first].at + HOUR, key=lambda trip: trip.at)
        return [rng.choice(self.trips[self.first : last]).spot for _ in range(number)]


def busiest_hour(trips: Sequence[Trip]) -> tuple[int, int]:
    """(index of the first trip, number of trips) of the hour that holds the most."""
    best, most, end = 0, 0, 0
    for start, trip in enumerate(trips):
        while end < len(trips) and trips[end].at < trip.at + HOUR:
            end += 1
        if end - start > most:
            best, most = start, end - start
    return best, most


def plan(trips: Sequence[Trip], *, speed: float | None, rate: float) -> Demand:
    """Start at the busiest hour; without a `speed`, so fast that `rate` jobs a second arrive in it."""
    first, most = busiest_hour(trips)
    chosen = speed or rate * HOUR / most
    return Demand(trips, first, chosen, chosen * most / HOUR)
