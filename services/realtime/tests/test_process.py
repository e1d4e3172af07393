"""The edge as a process: starts before NATS, ends on SIGTERM, and leaves a trace."""

import asyncio
import json
import signal
from pathlib import Path

import pytest
import pytest_asyncio
from nats.aio.client import Client
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from socketio.exceptions import ConnectionError as DialError

from stack.house import House
from stack.ports import Reservation
from stack.tokens import mint
from wire.envelope import seal

from . import made
from .conftest import KEY
from .neighbours import Neighbours
from .phone import Phone
from .processes import connections, edge_process


@pytest_asyncio.fixture(scope="module")
async def nats_url(house: House) -> str:
    """A server of our own, for its figures."""
    return house.nats_url


async def test_it_waits_for_the_bus_and_lets_nobody_in_before(ports: Reservation) -> None:
    """Each service starts alone: alive, not ready, and 503 to sockets until NATS is there."""
    nats_port = ports.port()
    async with edge_process(f"nats://127.0.0.1:{nats_port}", ports.port()) as edge:
        await edge.until("/livez", 200)
        assert await edge.status("/readyz") == 503
        with pytest.raises(DialError):
            await Phone().dial(edge.url, mint("ann", "user", key=KEY))
        assert await edge.status("/socket.io/?EIO=4&transport=polling") == 503
        assert await edge.status("/docs/realtime") == 200


async def test_sigterm_closes_sockets_and_drains(
    ports: Reservation, house: House, neighbours: Neighbours
) -> None:
    """B13: clients are let go at once, so that they come back elsewhere; nothing stays at the bus."""
    before = set(await connections(house.nats_monitor_url))
    async with edge_process(house.nats_url, ports.port()) as edge:
        await edge.until("/readyz", 200)
        phones = [await Phone().dial(edge.url, mint(f"ann-p{n}", "user", key=KEY)) for n in range(5)]
        polling = await Phone().dial(edge.url, mint("ann-p", "user", key=KEY), "polling")
        edge.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):  # less than the drain may last, which a held poll would use up
            for phone in (*phones, polling):
                await phone.gone.wait()
            assert await edge.process.wait() == 0
    assert set(await connections(house.nats_monitor_url)) == before


async def test_one_trace_leads_from_the_publisher_to_the_socket(
    ports: Reservation, house: House, nc: Client, neighbours: Neighbours, tmp_path: Path
) -> None:
    """Tracing: `emit <event>` is in the trace that the event was published in; positions have no span."""
    spans = tmp_path / "realtime.jsonl"
    async with edge_process(house.nats_url, ports.port(), spans) as edge:
        await edge.until("/readyz", 200)
        dan = await Phone().dial(edge.url, mint("dan-p2", "pilot", key=KEY))
        with TracerProvider().get_tracer("test").start_as_current_span("POST /v1/bookings") as span:
            letter = seal(made.offer(made.job(), "dan-p2"))
        await nc.publish(letter.subject, letter.body, headers=dict(letter.headers))
        await dan.next("booking:offer")
        await dan.ask("pilot:online", {"vehicleId": "v"})
        await dan.ask("pilot:location", {"lat": 1, "lng": 2})
        await dan.hang_up()
        edge.process.send_signal(signal.SIGTERM)
        await edge.process.wait()
    found = {line["name"]: line for line in map(json.loads, spans.read_text().splitlines())}
    emit, context = found["emit booking:offer"], span.get_span_context()
    assert emit["trace_id"] == trace.format_trace_id(context.trace_id)
    assert emit["parent_id"] == trace.format_span_id(context.span_id)
    assert emit["kind"] == "producer"
    asked, forwarded = found["socket pilot:online"], found["request.matching.go_online"]
    assert (asked["kind"], asked["parent_id"]) == ("server", None)
    assert forwarded["parent_id"] == asked["span_id"]
    assert not any("location" in name for name in found)
