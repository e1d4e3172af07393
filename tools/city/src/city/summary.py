"""The figures of a finished run, for people."""

from typing import Any

from rich.console import Console
from rich.table import Table

from city.screen import pushes_told

SHOWN = 40  # violations


def show_summary(report: dict[str, Any], console: Console) -> None:
    """A table, and every violation found (at most SHOWN)."""
    table = Table(show_header=False, title=f"{report['seconds']} s of load", title_justify="left")
    for name in ("jobs", "assigned", "completed", "cancelled", "unfulfilled", "offers", "location_updates"):
        table.add_row(name.replace("_", " "), str(report[name]))
    table.add_row("pushes", pushes_told(report["pushes_by_platform"]))
    for name in ("order_to_offer_ms", "accept_to_told_ms", "connection_lost_to_back_ms"):
        figure = report[name]
        if not figure["samples"]:
            continue
        title = name.removesuffix("_ms").replace("_", " ")
        table.add_row(title, f"p50 {figure['p50']} ms, p99 {figure['p99']} ms")
    for name, figures in report["service_types"].items():
        asked = figures["order_to_offer_ms"]
        share = f"{figures['assigned']} of {figures['jobs']} assigned"
        table.add_row(name, f"{share}, first offer p50 {asked['p50']} ms, p99 {asked['p99']} ms")
    for name, number in report["server_errors"].items():
        table.add_row(name, str(number))
    console.print(table)
    found = report["violations"]
    for text in found[:SHOWN]:
        console.print(f"✗ {text}", style="red", highlight=False, markup=False)
    if len(found) > SHOWN:
        console.print(f"… and {len(found) - SHOWN} more", style="red")
    if not found:
        console.print("✓ invariants 1, 2, 3 and 6 of the design held", style="green", highlight=False)
