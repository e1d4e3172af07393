"""Writes docs/operations/scale.md's figures: `python -m bench.capacity.page [FILE]`."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bench.capacity import example
from bench.capacity.costs import SERVICES, Costs, read, rounded, table
from bench.capacity.deployed import deployed

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations" / "scale.md"


def filled(page: str, costs: Costs) -> str:
    """The page with these costs, and what follows from them, between its marks."""
    city, said = example.City(), {service: deployed(service) for service in SERVICES}
    parts = {
        "measured": table(costs),
        "example": f"{example.table(costs, city, said)}\n\n{example.sums(costs, city, said)}",
    }
    for name, part in parts.items():
        place = re.compile(f"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)
        if not place.search(page):
            raise ValueError(f"the page has no place for {name}")
        page = place.sub(lambda found, part=part: f"{found[1]}{part}{found[2]}", page)  # type: ignore[misc]
    return page


def main(
    figures: Annotated[
        Path | None,
        typer.Argument(help="What `just bench capacity --json` wrote; without it the page's own table."),
    ] = None,
) -> None:
    """Write the measured costs, and the example that follows from them, into the page."""
    text = PAGE.read_text()
    costs = read(text)
    if figures:
        costs = rounded(_values(figures))
        text = re.sub(r"Measured on [\d-]+", f"Measured on {datetime.now(UTC).date()}", text)
    PAGE.write_text(filled(text, costs))


def _values(file: Path) -> dict[str, float]:
    return {name: one["value"] for name, one in json.loads(file.read_text())["figures"].items()}


if __name__ == "__main__":
    typer.run(main)
