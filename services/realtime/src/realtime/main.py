"""The edge, put together."""

import asyncio
from functools import partial

from nats.aio.client import Client

from realtime import connecting, incoming
from realtime.deliver import deliver_arrivals
from realtime.door import Door
from realtime.edge import make_edge
from realtime.engine import Handlers
from realtime.engine_socketio import SocketIoEngine
from realtime.presence import answer_for_edge
from realtime.settings import Settings
from wire.connection import check, connect
from wire.http import create_app
from wire.run import serve_http
from wire.telemetry import set_up

VERSION = "0.1.0"


async def main(settings: Settings) -> None:
    """Run until cancelled. HTTP is up first, so that `/livez` answers while NATS is still waited for."""
    set_up("realtime", settings)
    nc, engine = Client(), SocketIoEngine(settings)
    edge = make_edge(settings, nc, engine)
    engine.serve(
        Handlers(
            connect=partial(connecting.connect, edge),
            event=partial(incoming.event, edge),
            disconnect=partial(connecting.disconnect, edge),
        )
    )
    closing = asyncio.Event()

    def closed() -> str | None:
        if closing.is_set() or not nc.is_connected:
            return "unavailable"
        return "full" if engine.open_sockets() >= settings.max_sockets else None

    async def let_go() -> None:
        closing.set()
        await engine.close()

    others = create_app("realtime", VERSION, settings, {"nats": check(nc)})
    door = Door(engine.app, others, closed, frames_per_second=4 * settings.events_per_second)
    limits = {
        "ws": "websockets-sansio",
        "ws_max_size": settings.max_message_bytes,
        "ws_per_message_deflate": False,
        # The door counts sockets; this only leaves room for health checks beside them.
        "limit_concurrency": 2 * settings.max_sockets + 1000,
    }
    async with asyncio.TaskGroup() as group:
        group.create_task(serve_http(door, settings, let_go, **limits))
        async with connect(nc, settings.nats_url, name="realtime", drain_seconds=settings.drain_seconds):
            await answer_for_edge(edge)
            async with asyncio.TaskGroup() as work:
                work.create_task(deliver_arrivals(edge))
                work.create_task(edge.departures.tell(nc))
