"""What a person sees while the city runs: a live table, or in a pipe a line every few seconds."""

import asyncio
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from city.clock import now
from city.evidence import ORDER
from city.figures import percentile

if TYPE_CHECKING:
    from city.run import Run

REFRESH = 0.5
LINE_EVERY = 5.0  # seconds
STATUSES = (*ORDER, "cancelled", "unfulfilled")


async def show(run: "Run", console: Console) -> None:
    """Until cancelled."""
    if not console.is_terminal:
        while True:
            await asyncio.sleep(LINE_EVERY)
            console.print(line(run), highlight=False, soft_wrap=True)
    with Live(table(run), console=console, auto_refresh=False) as view:
        try:
            while True:
                await asyncio.sleep(REFRESH)
                view.update(table(run), refresh=True)
        finally:
            view.update(table(run), refresh=True)


def latency(samples: Collection[float]) -> str:
    """p50 / p99, as `12 / 48 ms`; `-` without samples."""
    low, high = percentile(samples, 0.5), percentile(samples, 0.99)
    return "-" if low is None or high is None else f"{low * 1000:.0f} / {high * 1000:.0f} ms"


def pushes_told(pushes: Mapping[str, int]) -> str:
    """How many by platform, as `120 android, 118 ios`; `-` if nobody counted."""
    return ", ".join(f"{count} {platform}" for platform, count in sorted(pushes.items())) or "-"


def line(run: "Run") -> str:
    """All of it in one line."""
    ledger, jobs = run.ledger, run.statuses()
    seen = ledger.count
    parts = [
        f"{now() - run.began:5.0f} s {run.phase}",
        f"jobs {len(ledger.jobs)}: " + " ".join(f"{name} {jobs[name]}" for name in STATUSES if jobs[name]),
        f"offers {seen['offers']} won {seen['won']} refused {seen['refused']} declined {seen['declines']}"
        f" expired {seen['expired']} withdrawn {seen['withdrawn']}",
        f"pushes {pushes_told(run.pushes)} positions {seen['location_updates']}",
        f"order→offer {latency(ledger.order_to_offer)} accept→told {latency(ledger.accept_to_told)}",
    ]
    return " | ".join(parts)


def table(run: "Run") -> Group:
    """The same as a table."""
    ledger, jobs = run.ledger, run.statuses()
    seen = ledger.count
    title = f"Waggle · {run.options.source} · {now() - run.began:.0f} s · {run.phase}"
    life = Table(title=title, title_justify="left")
    for name in STATUSES:
        life.add_column(name, justify="right", min_width=6)
    life.add_row(*(str(jobs[name]) for name in STATUSES))
    told = Table(box=None, show_header=False, padding=(0, 2))
    for row in (
        ("jobs", len(ledger.jobs), "drivers connected", run.connected()),
        ("offers on sockets", seen["offers"], "accepts won / refused", f"{seen['won']} / {seen['refused']}"),
        ("offers declined", seen["declines"], "offers expired", seen["expired"]),
        ("offers withdrawn", seen["withdrawn"], "pushes on phones", pushes_told(run.pushes)),
        ("positions sent", seen["locations_sent"], "positions shown", seen["location_updates"]),
        ("order → offer p50 / p99", latency(ledger.order_to_offer)),
        ("accept → told p50 / p99", latency(ledger.accept_to_told)),
    ):
        told.add_row(*(str(cell) for cell in row))
    return Group(life, told)
