"""What every bench shares: repetition, pinning, medians and spread, a table and a JSON file."""

import json
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured number. `peer_value`: the peer's in the same repetition, if there is a peer."""

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None


@dataclass(frozen=True)
class Summary:
    """A figure over all repetitions; `ratio` is the median of the ratios pair by pair."""

    name: str
    values: tuple[float, ...]
    unit: str
    ratio: float | None
    peer: str | None

    @property
    def median(self) -> float:
        return statistics.median(self.values)


def percentile(values: Sequence[float], part: float) -> float:
    """The value that `part` (0 to 1) of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """This process and those it starts run on one core meanwhile, where the machine has more than one."""
    before = os.sched_getaffinity(0)
    if core in before and len(before) > 1:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def repeat(measure: Callable[[], list[Figure]], times: int, console: Console) -> list[Summary]:
    """Run `measure` so many times and gather each figure."""
    runs: list[list[Figure]] = []
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("measuring", total=times)
        for _ in range(times):
            runs.append(measure())
            progress.advance(task)
    return [_summary([run[place] for run in runs]) for place in range(len(runs[0]))]


def _summary(figures: Sequence[Figure]) -> Summary:
    ratios = [one.value / one.peer_value for one in figures if one.peer_value]
    first = figures[0]
    return Summary(
        name=first.name,
        values=tuple(one.value for one in figures),
        unit=first.unit,
        ratio=statistics.median(ratios) if ratios else None,
        peer=first.peer,
    )


def show(summaries: Sequence[Summary], console: Console) -> None:
    """The table for people."""
    table = Table("figure", "median", "min", "max", "unit", "ratio", "peer")
    for one in summaries:
        ratio = f"{one.ratio:.2f}×" if one.ratio is not None else "–"
        low, high = f"{min(one.values):.2f}", f"{max(one.values):.2f}"
        table.add_row(one.name, f"{one.median:.2f}", low, high, one.unit, ratio, one.peer or "–")
    console.print(table)


def write(summaries: Sequence[Summary], file: Path) -> None:
    """The JSON for machines."""
    figures = {
        one.name: {"value": one.median, "unit": one.unit, "ratio": one.ratio, "peer": one.peer}
        for one in summaries
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"figures": figures}, indent=2) + "\n")
