"""What each part takes at rest, and more for each driver, order and position: lines through measured steps.

CPU time is measured, and no delay: it is much the same on a machine that others use, too.
"""

import asyncio
from collections.abc import Mapping, Sequence
from statistics import correlation, linear_regression

from rich.console import Console

from bench.capacity.load_process import loading
from bench.capacity.meter import PARTS
from bench.capacity.run import SERIES, Sizes, Step
from bench.harness import Figure
from stack.running import running

ENV = {"WAGGLE_MAX_SOCKETS_PER_ADDRESS": "100000"}
"""The load has one address."""
OF_DRIVERS_ALONE = ("_memory",)
"""Grows with what has happened, not with the rate at which it does."""
ALL_CONNECTIONS = "postgres_connections"


def measure(sizes: Sizes | None = None) -> list[Figure]:
    """One repetition: a house for each series."""
    return figures(asyncio.run(_measure(sizes or Sizes())))


async def _measure(sizes: Sizes) -> dict[str, list[Step]]:
    console = Console(stderr=True)

    def tell(title: str, step: Step) -> None:
        used = "  ".join(f"{part} {step.used[f'{part}_cores']:.3f}" for part in PARTS)
        console.print(f"{title}: cores  {used}", highlight=False, soft_wrap=True)

    found = {}
    for name, series in SERIES.items():
        async with running(caddy=False, env=ENV) as house, loading(house) as load:
            found[name] = await series(house, load, sizes, tell)
    return found


def figures(found: Mapping[str, Sequence[Step]]) -> list[Figure]:
    """A line through the steps of each series. `…_at_rest` is where that of the drivers begins."""
    made = []
    for series, steps in found.items():
        x = [step.x for step in steps]
        for name in steps[0].used:
            if name == ALL_CONNECTIONS:
                continue
            line = linear_regression(x, [step.used[name] for step in steps])
            if series == "per_1000_drivers":
                made.append(Figure(f"{name}_at_rest", line.intercept, unit(name)))
            elif name.endswith(OF_DRIVERS_ALONE):
                continue
            made.append(Figure(f"{name}_{series}", line.slope, unit(name)))
        cores = [sum(step.used[f"{part}_cores"] for part in PARTS) for step in steps]
        made.append(Figure(f"straight_{series}", correlation(x, cores) ** 2, "r² of all cores"))
    most = max(step.used[ALL_CONNECTIONS] for steps in found.values() for step in steps)
    return [*made, Figure(f"{ALL_CONNECTIONS}_most", most, "")]


def unit(name: str) -> str:
    """Of what `meter` names so."""
    if name.endswith("_cores"):
        return "cores"
    if name.endswith("_memory"):
        return "MiB"
    return "kB/s" if "_kb" in name or "_stored_" in name else "/s"
