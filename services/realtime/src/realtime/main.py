"""The edge, put together."""

import asyncio
from functools import partial

from nats.aio.client import Client

from realtime import connecting, dashboard_feed, incoming
from realtime.deliver import deliver_arrivals
from realtime.edge import Edge, make_edge
from realtime.engine import Handlers, Typed
from realtime.engine_fast import FastEngine
from realtime.engine_socketio import SocketIoEngine
from realtime.entrance import Entrance
from realtime.http import routes
from realtime.lifetime import follow_revocations
from realtime.located import NAME, located
from realtime.presence import answer_for_edge
from realtime.settings import Settings
from realtime.tracking import Position
from wire.connection import check, connect, on_disconnect
from wire.http import create_app
from wire.run import serve_http
from wire.telemetry import set_up

VERSION = "0.1.0"


def make_engine(settings: Settings) -> FastEngine | SocketIoEngine:
    """The one that the settings name."""
    return FastEngine(settings) if settings.engine == "fast" else SocketIoEngine(settings)


async def main(settings: Settings) -> None:
    """Run until cancelled. HTTP is up first, so that `/livez` answers while NATS is still waited for."""
    set_up("realtime", settings)
    nc, engine = Client(), make_engine(settings)
    edge = make_edge(settings, nc, engine)

    def is_ready() -> bool:
        return nc.is_connected and edge.revocations.is_known and edge.recovery.progress is not None

    entrance = Entrance(settings, is_ready)
    engine.serve(
        Handlers(
            connect=partial(connecting.connect, edge),
            event=partial(incoming.event, edge),
            disconnect=partial(connecting.disconnect, edge),
            typed={NAME: Typed(Position, partial(located, edge))},
            opening=entrance.opening,
            closed=entrance.closed,
        )
    )

    async def let_go() -> None:
        entrance.close()
        await engine.drain(settings.spread_seconds)

    checks = {"nats": check(nc), "entrance": entrance.check}
    pages = create_app("realtime", VERSION, settings, checks, edge.verifier)
    pages.include_router(routes(nc))
    app, options = engine.serving(pages)
    # The entrance counts sockets; this only leaves room for health checks beside them.
    options["limit_concurrency"] = 2 * settings.max_sockets + 1000
    async with asyncio.TaskGroup() as group:
        group.create_task(serve_http(app, settings, let_go, shares_port=settings.workers > 1, **options))
        group.create_task(edge.verifier.keep_keys())
        async with connect(
            nc,
            settings.nats_url,
            name="realtime",
            access=settings.access,
            drain_seconds=settings.drain_seconds,
        ):
            with on_disconnect(nc, edge.arrivals.interrupt):
                await answer_for_edge(edge)
                await serve_bus(edge)


async def serve_bus(edge: Edge) -> None:
    """What the edge does while there is a bus, for ever."""
    async with asyncio.TaskGroup() as work:
        work.create_task(deliver_arrivals(edge))
        work.create_task(edge.departures.tell(edge.nc))
        work.create_task(edge.outflow.run(edge.nc))
        work.create_task(follow_revocations(edge))
        work.create_task(dashboard_feed.run(edge))
