"""One server under the whole load: what it took."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.edge.load_process import Load
from bench.edge.servers import Server


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    warm_up: int = 500
    """Drivers that connect before anything is measured."""
    drivers: int = 5_000
    customers: int = 1_000
    """Who follow a booking each."""
    hearers: int = 1_000
    """Drivers that are online, and hear of every closed job."""
    rounds: int = 6
    warm_rounds: int = 3
    notifications: int = 20_000
    positions: int = 40_000
    closed: int = 100
    rate: int = 5_000
    """Positions a second behind the round trips."""
    round_trips: int = 1_000

    @property
    def sockets(self) -> int:
        return self.warm_up + self.drivers + self.customers


AT_ONCE = 64
"""Handshakes, and events for a room of one, that are under way at the same time."""
WINDOW = 512
BROADCASTS_AT_ONCE = 4
ACKED = 20
"""Of so many positions one wants an ack."""


@dataclass(frozen=True)
class Stream:
    """Events on the bus: `count` of them, to the rooms from `first` on in turn."""

    name: str
    form: str
    count: int
    first: int
    rooms: int
    hearers: int = 1
    """Sockets that hear each."""
    window: int = WINDOW
    """Events under way at the same time."""


Found = dict[str, float]
"""By figure; `<figure>_busy` is how much of its core the server used meanwhile, in percent."""


def run(server: Server, load: Load, sizes: Sizes) -> Found:
    """Connects, and all that is said then."""
    load.do("connect", sizes.warm_up, AT_ONCE)
    before = server.memory()
    found: Found = {}
    found |= _measured(server, "connects", lambda: _connects(load, sizes.drivers))
    found["memory_per_socket"] = (server.memory() - before) / sizes.drivers
    load.do("connect", sizes.customers, AT_ONCE)
    found |= _locations(server, load, sizes)
    found |= _round_trips(server, load, sizes)
    for stream in _streams(sizes):
        found |= _said(server, load, stream)
    return found


def _streams(sizes: Sizes) -> list[Stream]:
    booked = sizes.warm_up + sizes.drivers
    return [
        Stream("fanout", "notification", sizes.notifications, 0, sizes.hearers),
        Stream("positions_out", "position", sizes.positions, booked, sizes.customers),
        Stream("broadcast", "feed_closed", sizes.closed, 0, 1, sizes.hearers, BROADCASTS_AT_ONCE),
    ]


def _measured(server: Server, name: str, work: Callable[[], float]) -> Found:
    cpu, begin = server.cpu_s(), time.perf_counter()
    rate = work()
    took = time.perf_counter() - begin
    return {name: rate, f"{name}_busy": (server.cpu_s() - cpu) / took * 100}


def _connects(load: Load, many: int) -> float:
    seconds: float = load.do("connect", many, AT_ONCE)["seconds"]
    return many / seconds


def _locations(server: Server, load: Load, sizes: Sizes) -> Found:
    """The mean of the rounds, between which the load rests; so the share of the core is of the work alone."""
    drivers = sizes.warm_up + sizes.drivers
    load.do("locations", drivers, 1, sizes.warm_rounds, WINDOW)
    cpu = server.cpu_s()
    seconds: list[float] = load.do("locations", drivers, sizes.rounds, 0, WINDOW)["seconds"]
    took = sum(seconds)
    busy = (server.cpu_s() - cpu) / took * 100
    return {"location_in": drivers * len(seconds) / took, "location_in_busy": busy}


def _round_trips(server: Server, load: Load, sizes: Sizes) -> Found:
    drivers = sizes.warm_up + sizes.drivers
    found: dict[str, Any] = {}

    def work() -> float:
        found.update(load.do("round_trips", drivers, sizes.rate, sizes.round_trips * ACKED, ACKED))
        return float(found["p50_us"])

    busy = _measured(server, "round_trip_p50", work)
    return busy | {"round_trip_p99": float(found["p99_us"])}


def _said(server: Server, load: Load, stream: Stream) -> Found:
    """Deliveries a second; of a tenth of the events before, to warm up, nothing is counted."""

    def say(many: int) -> float:
        room, window = (stream.first, stream.rooms), stream.window
        seconds: float = load.do("publish", stream.form, many, *room, stream.hearers, window)["seconds"]
        return many * stream.hearers / seconds

    say(max(1, stream.count // 10))
    return _measured(server, stream.name, lambda: say(stream.count))
