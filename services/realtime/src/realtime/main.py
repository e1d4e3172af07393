"""The edge, put together."""

import asyncio
from functools import partial

from nats.aio.client import Client

from realtime import connecting, incoming
from realtime.deliver import deliver_arrivals
from realtime.edge import make_edge
from realtime.engine import Handlers
from realtime.engine_socketio import SocketIoEngine
from realtime.entrance import Entrance
from realtime.presence import answer_for_edge
from realtime.settings import Settings
from wire.connection import check, connect
from wire.http import create_app
from wire.run import serve_http
from wire.telemetry import set_up

VERSION = "0.1.0"


def make_engine(settings: Settings) -> SocketIoEngine:
    """The one that the settings name."""
    return SocketIoEngine(settings)


async def main(settings: Settings) -> None:
    """Run until cancelled. HTTP is up first, so that `/livez` answers while NATS is still waited for."""
    set_up("realtime", settings)
    nc, engine = Client(), make_engine(settings)
    edge = make_edge(settings, nc, engine)
    entrance = Entrance(settings, lambda: nc.is_connected)
    engine.serve(
        Handlers(
            connect=partial(connecting.connect, edge),
            event=partial(incoming.event, edge),
            disconnect=partial(connecting.disconnect, edge),
            opening=entrance.opening,
            closed=entrance.closed,
        )
    )

    async def let_go() -> None:
        entrance.close()
        await engine.close()

    app, options = engine.serving(create_app("realtime", VERSION, settings, {"nats": check(nc)}))
    # The entrance counts sockets; this only leaves room for health checks beside them.
    options["limit_concurrency"] = 2 * settings.max_sockets + 1000
    async with asyncio.TaskGroup() as group:
        group.create_task(serve_http(app, settings, let_go, **options))
        async with connect(nc, settings.nats_url, name="realtime", drain_seconds=settings.drain_seconds):
            await answer_for_edge(edge)
            async with asyncio.TaskGroup() as work:
                work.create_task(deliver_arrivals(edge))
                work.create_task(edge.departures.tell(nc))
