"""Three series: in each one thing grows, and the others stay."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bench.capacity import meter
from bench.capacity.load_process import Load
from bench.capacity.world import IDLE_S
from stack.house import House


@dataclass(frozen=True)
class Sizes:
    """How much of everything; seconds."""

    drivers: tuple[int, ...] = (0, 500, 1000, 2000)
    crew: int = 500
    """Drivers of the two other series."""
    orders: tuple[float, ...] = (0, 30, 60, 120)
    """A minute. A crew of 500 at two jobs an hour each would have 17."""
    customers: int = 100
    """Of orders, by turns."""
    step_s: float = 1.0
    """Between two statuses of a job, so its 20 minutes go by in 4 s."""
    rides: int = 200
    """Jobs under way while positions grow."""
    ride_s: tuple[float, ...] = (10, 5, 2.5, 1.25)
    """Between two positions of their drivers. C4 has 10, and on a road 50 m sooner."""
    cycle_s: float = 60
    """The window while drivers grow: pings, positions and the look for silent drivers come around in it."""
    window_s: float = 30
    settle_s: float = 10
    pace: float = 0.8
    """Of the positions and orders that there should be; with fewer it is not known what was measured."""


@dataclass(frozen=True)
class Step:
    """`x`, as counted: thousands of drivers, hundreds of orders a minute, thousands of positions a second."""

    x: float
    used: Mapping[str, float]


Tells = Callable[[str, Step], None]


async def drivers(house: House, load: Load, sizes: Sizes, tell: Tells) -> list[Step]:
    """Idle drivers, at growing number."""
    steps = []
    for many in sizes.drivers:
        await load.do("online", many)
        used, done = await _window(house, load, sizes.settle_s, sizes.cycle_s)
        _keeps_pace(done("positions"), sizes.pace * many / IDLE_S)
        steps.append(Step(many / 1000, used))
        tell(f"{many} drivers", steps[-1])
    return steps


async def orders(house: House, load: Load, sizes: Sizes, tell: Tells) -> list[Step]:
    """Orders at growing rate, each taken by the first who is asked, and done; the drivers stay."""
    steps = []
    await load.do("online", sizes.crew)
    await load.do("customers", sizes.customers)
    for rate in sizes.orders:
        await load.do("order", rate, sizes.step_s)
        used, done = await _window(house, load, sizes.settle_s, sizes.window_s)
        _keeps_pace(done("completed"), sizes.pace * rate / 60)
        steps.append(Step(done("completed") * 60 / 100, used))
        tell(f"{rate:g} orders a minute", steps[-1])
    return steps


async def positions(house: House, load: Load, sizes: Sizes, tell: Tells) -> list[Step]:
    """Positions at growing rate, of drivers on a job, whose customers see them."""
    steps = []
    await load.do("online", sizes.crew)
    await load.do("customers", sizes.rides)
    await load.do("speak", sizes.ride_s[0])
    await load.do("ride", sizes.rides, sizes.step_s)
    for pause in sizes.ride_s:
        await load.do("speak", pause)
        used, done = await _window(house, load, sizes.settle_s, sizes.window_s)
        steps.append(Step(done("location:update") / 1000, used))
        tell(f"a position each {pause:g} s", steps[-1])
    return steps


def _keeps_pace(found: float, wanted: float) -> None:
    """RuntimeError if this machine is too busy."""
    if found < wanted:
        raise RuntimeError(f"{found:.1f} a second instead of {wanted:.1f} at least: is the machine busy?")


async def _window(
    house: House, load: Load, settle_s: float, seconds: float
) -> tuple[dict[str, float], Callable[[str], float]]:
    """What was used, and how often a second something was done."""
    await asyncio.sleep(settle_s)
    before, begun = await meter.read(house), await load.do("count")
    await asyncio.sleep(seconds)
    after, done = await meter.read(house), await load.do("count")
    took = after.at - before.at

    def rate(what: str) -> float:
        return (done.get(what, 0) - begun.get(what, 0)) / took

    return meter.between(before, after), rate


SERIES: Mapping[str, Callable[[House, Load, Sizes, Tells], Awaitable[list[Step]]]] = {
    "per_1000_drivers": drivers,
    "per_100_orders_a_minute": orders,
    "per_1000_positions_a_second": positions,
}
