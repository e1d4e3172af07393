"""The costs as docs/operations/scale.md has them: a table of them, and what a table says."""

from collections.abc import Mapping, Sequence

SERIES = ("at_rest", "per_1000_drivers", "per_100_orders_a_minute", "per_1000_positions_a_second")
HEAD = ("at rest", "1,000 drivers", "100 orders a minute", "1,000 positions a second")
SERVICES = {"booking": "booking", "matching": "matching", "realtime": "realtime", "push": "push"}
PARTS = {**SERVICES, "nats": "NATS", "postgres": "PostgreSQL"}

ROWS = {
    **{f"{part}_cores": f"{title}, cores" for part, title in PARTS.items()},
    **{f"{part}_memory": f"{title}, MiB" for part, title in PARTS.items() if part != "postgres"},
    "nats_messages_in": "messages to NATS, /s",
    "nats_messages_out": "messages from NATS, /s",
    "nats_kb_out": "from NATS, kB/s",
    "nats_events": "events stored in DISPATCH, /s",
    "nats_stored_DISPATCH": "stored in DISPATCH, kB/s",
    "nats_stored_TRACKING": "stored in TRACKING, kB/s",
    "nats_stored_TIMERS": "stored in TIMERS, kB/s",
    "postgres_transactions_booking": "transactions of booking, /s",
    "postgres_transactions_matching": "transactions of matching, /s",
    "postgres_transactions_push": "transactions of push, /s",
    "postgres_wal_kb": "WAL, kB/s",
}
"""What the bench calls it, and what the page does. PostgreSQL's memory is a matter of its settings."""

Costs = Mapping[str, Mapping[str, float]]
"""By row and series. Nothing where a row has no such cost."""


def rounded(figures: Mapping[str, float]) -> Costs:
    """Two digits of what `just bench capacity` found; 0 for what cannot be told from nothing."""
    return {
        row: {
            series: _told(row, figures[f"{row}_{series}"])
            for series in SERIES
            if f"{row}_{series}" in figures
        }
        for row in ROWS
    }


def _told(row: str, value: float) -> float:
    least = 0.005 if row.endswith("_cores") else 0.5
    return 0.0 if value < least else float(f"{value:.2g}")


def table(costs: Costs) -> str:
    """Markdown."""
    lines = ["| | " + " | ".join(HEAD) + " |", "|---|" + "---:|" * len(HEAD)]
    for row, title in ROWS.items():
        cells = (costs[row].get(series) for series in SERIES)
        lines.append(f"| {title} | " + " | ".join(map(_cell, cells)) + " |")
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 10 else f"{value:g}" if value else "–"


def read(page: str) -> Costs:
    """What a page's table says."""
    return {
        row: _cells(line.split(" | ")[1:])
        for row, title in ROWS.items()
        for line in page.splitlines()
        if line.startswith(f"| {title} | ")
    }


def _cells(cells: Sequence[str]) -> dict[str, float]:
    told = {series: cell.strip(" |") for series, cell in zip(SERIES, cells, strict=True)}
    return {
        series: 0.0 if text == "–" else float(text.replace(",", "")) for series, text in told.items() if text
    }
