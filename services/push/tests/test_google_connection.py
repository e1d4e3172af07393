"""What waits for its turn on the connection to Google, over real HTTP/2."""

import asyncio
from pathlib import Path

import pytest

from push.google_connection import GoogleConnection, http2_client
from push.notifier import TooLateError

from .http2_server import HANGING, HOST, Clock, Held, answering

SOON = 60
"""Seconds: bounds a failure."""


async def test_a_request_whose_deadline_passes_while_it_waits_for_a_stream_is_not_sent(
    push_apns_state: Path,
) -> None:
    """B4: nothing of it, and its place is for the next that waits, on the same connection."""
    clock, held = Clock(), Held()
    async with answering(push_apns_state, held.take, streams=1) as (port, tls), asyncio.timeout(SOON):
        connection = GoogleConnection(lambda: http2_client(tls, SOON), clock)

        async def post(what: str, deadline: float) -> int:
            url = f"https://{HOST}:{port}/{what}"
            return (await connection.post(url, content=b"{}", headers={}, deadline=deadline)).status_code

        assert await post("first", clock.now + 1) == 200
        holding = asyncio.create_task(post(HANGING, clock.now + 1))
        await held.holds.wait()
        late = asyncio.create_task(post("late", clock.now + 1))
        waiting = asyncio.create_task(post("waiting", clock.now + 2))
        await asyncio.sleep(0)
        clock.now += 1
        held.go_on.set()
        assert await holding == 200
        with pytest.raises(TooLateError):
            await late
        assert await waiting == 200
        assert await post("after", clock.now + 1) == 200
        await connection.aclose()
    assert held.tokens == ["first", HANGING, "waiting", "after"]
    assert held.connections == 1
