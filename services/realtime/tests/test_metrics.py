import httpx
import pytest

from . import made
from .conftest import Dial, Publish

pytestmark = pytest.mark.usefixtures("neighbours")


async def test_the_edge_says_who_is_there_and_what_goes_in_and_out(
    dial: Dial, edge: str, publish: Publish
) -> None:
    """Metrics: sockets by role, events by name, latency; a name that a client made up is no label."""
    ann, dan = await dial("ann-x1", "user"), await dial("dan-x1", "pilot")
    await publish(made.created(made.job("ann-x1")))
    await ann.next("booking:created")
    for _ in range(2):
        await dan.ask("pilot:location", {"lat": 1, "lng": 2})
    await dan.ask("made-up-name")
    async with httpx.AsyncClient() as client:
        figures = (await client.get(f"{edge}/metrics")).text
        await ann.hang_up()
        after = (await client.get(f"{edge}/metrics")).text
    for line in (
        'waggle_sockets{role="user"} 1.0',
        'waggle_sockets{role="pilot"} 1.0',
        'waggle_socket_events_in_total{event="pilot:location",outcome="ok"}',
        'waggle_socket_events_in_total{event="pilot:location",outcome="dropped"}',
        'waggle_socket_events_in_total{event="unknown",outcome="unknown_event"}',
        'waggle_socket_events_out_total{event="booking:created"}',
        'waggle_emit_seconds_count{event="booking:created"}',
    ):
        assert line in figures
    assert "made-up-name" not in figures
    assert 'waggle_sockets{role="user"} 0.0' in after
