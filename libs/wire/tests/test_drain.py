"""What is under way when a service ends."""

import asyncio
from collections.abc import Callable

import httpx

from stack.ports import HOST, Reservation
from stack.ready import listens
from wire.http import create_app
from wire.run import serve_http
from wire.settings import DatabaseSettings


async def test_a_request_that_outlasts_the_drain_is_told_to_try_again(
    settings: Callable[..., DatabaseSettings],
) -> None:
    port, begun = Reservation().port(), asyncio.Event()
    chosen = settings(http_port=port, drain_seconds=1)
    app = create_app("test", "1.2.3", chosen, {})

    @app.get("/slow")
    async def slow() -> None:
        begun.set()
        await asyncio.Event().wait()

    serving = asyncio.create_task(serve_http(app, chosen))
    await listens(port)
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=60) as client, asyncio.timeout(60):
        asking = asyncio.create_task(client.get("/slow"))
        await begun.wait()
        serving.cancel()
        answer = await asking
    await asyncio.wait([serving])
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["content-type"] == "application/problem+json"
