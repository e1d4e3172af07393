"""One order followed from the HTTP request to the socket, by its trace. `just trace` writes docs/trace.md."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from bench.fleet import CITY, online
from stack.house import House
from stack.running import running

WARM_UP = 20
PATIENCE_S = 20


@dataclass(frozen=True)
class Hop:
    """One finished span. Times are in milliseconds from the trace's beginning."""

    service: str
    name: str
    kind: str
    span_id: str
    parent_id: str | None
    start_ms: float
    end_ms: float


def hops_of(folder: Path, trace_id: str) -> list[Hop]:
    """Every span of a trace that the services wrote, in the order they began."""
    lines = [line for file in sorted(folder.glob("*")) for line in file.read_text().splitlines()]
    spans = [span for span in map(_parsed, lines) if span and span["trace_id"] == trace_id]
    begin = min((span["start_ns"] for span in spans), default=0)
    return [
        Hop(
            service=span["service"],
            name=span["name"],
            kind=span["kind"],
            span_id=span["span_id"],
            parent_id=span["parent_id"],
            start_ms=(span["start_ns"] - begin) / 1e6,
            end_ms=(span["end_ns"] - begin) / 1e6,
        )
        for span in sorted(spans, key=lambda span: span["start_ns"])
    ]


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        span: dict[str, Any] = json.loads(line)
    except ValueError:  # a line that is being written
        return None
    return span


async def order_and_accept(house: House, warm_up: int = 0) -> str:
    """Let a driver accept one order, and give the order's trace id."""
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hears(event: str, _payload: dict[str, Any]) -> None:
        await heard.put(event)

    async def until(event: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await heard.get() != event:
                pass

    customer = {"Authorization": f"Bearer {house.token('trace-customer', 'user')}"}
    async with (
        online(house, 1, hears) as drivers,
        httpx.AsyncClient(base_url=house.url, headers=customer, timeout=30) as http,
    ):
        for _ in range(warm_up):
            booking = await _order(http)
            await until("booking:offer")
            (await http.post(f"/v1/bookings/{booking}/cancel")).raise_for_status()
            await until("offer:withdrawn")
        trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
        booking = await _order(http, {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"})
        await until("booking:offer")
        ack = await drivers[0].socket.call("offer:accept", {"bookingId": booking}, timeout=PATIENCE_S)
        if not ack["ok"]:
            raise RuntimeError(f"offer:accept: {ack}")
    return trace_id


async def _order(http: httpx.AsyncClient, headers: dict[str, str] | None = None) -> str:
    pickup = {"address": "5th Ave", "lat": CITY[0], "lng": CITY[1]}
    order = {"service_type": "courier", "pickup": pickup, "total_price": 12.5}
    answer = await http.post("/v1/bookings", json=order, headers=headers)
    answer.raise_for_status()
    booking: str = answer.json()["id"]
    return booking


async def traced(folder: Path, trace_id: str, last: str) -> list[Hop]:
    """The hops, once the span named `last` is among them (spans are written in batches)."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            hops = hops_of(folder, trace_id)
            if any(hop.name == last for hop in hops):
                return hops
            await asyncio.sleep(0.1)


def table(hops: list[Hop]) -> str:
    """Markdown."""
    rows = [
        f"| {hop.start_ms:.1f} | {hop.end_ms - hop.start_ms:.1f} | {hop.service} | {hop.name} |"
        for hop in hops
    ]
    return "\n".join(["| at, ms | took, ms | service | hop |", "|---:|---:|---|---|", *rows])


def main(write: Annotated[Path | None, typer.Option(help="Write the page here.")] = None) -> None:
    """Start a house, follow one order, print its hops."""

    async def follow() -> list[Hop]:
        async with running(traces=True) as house:
            trace_id = await order_and_accept(house, WARM_UP)
            return await traced(house.state / "traces", trace_id, "emit booking:offer")

    page = PAGE.format(table=table(asyncio.run(follow())))
    print(page)
    if write:
        write.write_text(page)


PAGE = """# One order, hop by hop

Written by `just trace`: the whole house on one machine (two cores), one driver online, one order. One trace
id goes from the HTTP request to the socket: in the request's `traceparent`, in the outbox row, in the event's
headers. Times are in milliseconds from the request's arrival at booking; it is one machine, so one clock.

{table}

With `WAGGLE_TRACE_FILE` a service appends its finished spans to a file, one JSON object a line; with
`OTEL_EXPORTER_OTLP_ENDPOINT` it sends them to a collector.
"""

if __name__ == "__main__":
    typer.run(main)
