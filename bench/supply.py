"""The supply map of matching with 100,000 drivers in a city, beside Redis on the same points."""

import gc
import os
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bench.drivers import Place, city, driven, recorded
from bench.harness import Figure, pinned
from bench.peers.redis_server import redis_server, version_of
from bench.supply_restart import rebuild_s
from matching.supply import Supply

DRIVERS = 100_000
RADIUS_M = 5_000
COUNT = 10
ROUNDS = 20
OURS_A_ROUND, REDIS_A_ROUND = 500, 25
WARM_UP = 5_000
OURS_CORE, PEER_CORE = 0, 1
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
FRESH_SINCE = NOW - timedelta(seconds=60)
NAMES = [f"driver-{number:06}" for number in range(DRIVERS)]


@dataclass(frozen=True)
class Turn:
    """A driver moves; then the nearest drivers to a pickup are asked for."""

    driver: str
    to: Place
    pickup: Place


def measure() -> list[Figure]:
    """One repetition. WAGGLE_POINTS: a CSV file of places (Lat, Lon) to use instead of the made-up city."""
    places = _places(DRIVERS, 1)
    supply = filled(places)
    figures = _beside_redis(supply, places, _turns(places, WARM_UP + ROUNDS * OURS_A_ROUND))
    with pinned(OURS_CORE):
        return [
            *figures,
            Figure("supply_move", _move_us(supply, places), "µs"),
            Figure("supply_growth_1k_to_100k", _growth(), "× query time"),
            Figure("supply_memory_per_driver", _bytes_a_driver(places), "B"),
            Figure("supply_rebuild_100k_in_memory", _took(partial(filled, places)), "s"),
            Figure("supply_rebuild_100k_through_nats", rebuild_s(NAMES, places), "s"),
        ]


def _places(many: int, seed: int) -> list[Place]:
    file = os.environ.get("WAGGLE_POINTS")
    return recorded(Path(file), many, seed) if file else city(many, seed)


def _turns(places: Sequence[Place], many: int) -> list[Turn]:
    moves, pickups = driven(places, many, 3), _places(many, 2)
    return [Turn(NAMES[who], to, pickup) for (who, to), pickup in zip(moves, pickups, strict=True)]


def filled(places: Sequence[Place]) -> Supply:
    """A map with a driver at each place, all available."""
    supply = Supply()
    for driver, (lat, lng) in zip(NAMES, places, strict=False):
        supply.mark(driver, gate=None, vehicle_type="car", version=1)
        supply.move(driver, lat, lng, NOW)
    return supply


def _took(work: Callable[[], object]) -> float:
    gc.collect()
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def _beside_redis(supply: Supply, places: Sequence[Place], turns: Sequence[Turn]) -> list[Figure]:
    """Turns a second: ours, Redis asked one by one, Redis asked for many at once; a part of each by turns."""
    with redis_server(PEER_CORE) as client, pinned(OURS_CORE):
        _ours(supply, turns[:WARM_UP])
        if client is not None:
            _load(client, places)
        ours = one_by_one = pipelined = 0.0
        for begin in range(WARM_UP, len(turns), OURS_A_ROUND):
            part = turns[begin : begin + OURS_A_ROUND]
            ours += _took(partial(_ours, supply, part))
            if client is not None:
                one_by_one += _took(partial(_redis_one_by_one, client, part[:REDIS_A_ROUND]))
                pipelined += _took(partial(_redis_pipelined, client, part[:REDIS_A_ROUND]))
        rate, name = ROUNDS * OURS_A_ROUND / ours, "supply_nearest_10_while_moving"
        if client is None:
            return [Figure(name, rate, "/s", "no redis-server here"), Figure(f"{name}_pipelined", rate, "/s")]
        peer, asked = version_of(client), ROUNDS * REDIS_A_ROUND
    return [
        Figure(name, rate, "/s", peer, asked / one_by_one),
        Figure(f"{name}_pipelined", rate, "/s", f"{peer} pipelined", asked / pipelined),
    ]


def _ours(supply: Supply, turns: Sequence[Turn]) -> None:
    for turn in turns:
        supply.move(turn.driver, *turn.to, NOW)
        _ask(supply, turn.pickup)


def _ask(supply: Supply, pickup: Place) -> None:
    supply.nearest(*pickup, RADIUS_M, COUNT, fresh_since=FRESH_SINCE, vehicle_type=None)


def _load(client: Any, places: Sequence[Place]) -> None:
    pipeline = client.pipeline(transaction=False)
    for driver, (lat, lng) in zip(NAMES, places, strict=True):
        pipeline.geoadd("drivers", (lng, lat, driver))
    pipeline.execute()


def _redis_one_by_one(client: Any, turns: Sequence[Turn]) -> None:
    for turn in turns:
        _say(client, turn)


def _redis_pipelined(client: Any, turns: Sequence[Turn]) -> None:
    pipeline = client.pipeline(transaction=False)
    for turn in turns:
        _say(pipeline, turn)
    pipeline.execute()


def _say(client: Any, turn: Turn) -> None:
    (to_lat, to_lng), (lat, lng) = turn.to, turn.pickup
    client.geoadd("drivers", (to_lng, to_lat, turn.driver))
    client.geosearch(
        "drivers",
        longitude=lng,
        latitude=lat,
        radius=RADIUS_M,
        unit="m",
        sort="ASC",
        count=COUNT,
        withdist=True,
    )


def _move_us(supply: Supply, places: Sequence[Place]) -> float:
    moves = [(NAMES[who], *to, NOW) for who, to in driven(places, 50_000, 4)]

    def move() -> None:
        for one in moves:
            supply.move(*one)

    return _took(move) / len(moves) * 1e6


def _growth() -> float:
    """Query time with 100,000 drivers over that with 1,000 in a city of a hundredth of the area."""

    def query_time(drivers: int) -> float:
        size = (drivers / DRIVERS) ** 0.5
        supply, pickups = filled(city(drivers, 1, size=size)), city(WARM_UP, 2, size=size)

        def ask() -> None:
            for pickup in pickups:
                _ask(supply, pickup)

        ask()
        return min(_took(ask) for _ in range(3))

    return query_time(DRIVERS) / query_time(1_000)


def _bytes_a_driver(places: Sequence[Place]) -> float:
    """What Python allocates for the map, driver ids and positions aside."""
    gc.collect()
    tracemalloc.start()
    supply = filled(places)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return taken / len(supply)
