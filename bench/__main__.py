"""`python -m bench NAME [--json FILE] [--times N]`"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import accept, order_to_offer, supply
from bench.capacity import measure as capacity
from bench.edge import measure as edge
from bench.harness import Figure, repeat, show, write
from bench.push import measure as push

BENCHES: dict[str, Callable[[], list[Figure]]] = {
    "accept": accept.measure,
    "capacity": capacity.measure,
    "edge": edge.measure,
    "edge_stock": edge.measure_stock,
    "order_to_offer": order_to_offer.measure,
    "push": push.measure,
    "supply": supply.measure,
}


def main(
    name: Annotated[str, typer.Argument(help="Which bench; without it, the list.")] = "",
    json: Annotated[Path | None, typer.Option(help="Write the figures here, too.")] = None,
    times: Annotated[int, typer.Option(min=1, max=50, help="Repetitions.")] = 3,
) -> None:
    """Measure, print a table, write JSON."""
    console = Console()
    if name not in BENCHES:
        console.print("Benches: " + ", ".join(sorted(BENCHES)))
        raise typer.Exit(1 if name else 0)
    summaries = repeat(BENCHES[name], times, console)
    show(summaries, console)
    if json:
        write(summaries, json)


if __name__ == "__main__":
    typer.run(main)
