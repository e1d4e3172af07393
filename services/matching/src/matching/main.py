"""Matching, put together."""

import asyncio
from datetime import timedelta

from nats.aio.client import Client

from contracts.streams import MATCHING_DISPATCH, MATCHING_DRIVERS, MATCHING_GRACES, MATCHING_TIMERS
from matching import stock
from matching.asking import Reach
from matching.bus import driver_handlers, due_handlers, endpoints, handlers
from matching.contact import Watch
from matching.drivers import GRACE
from matching.eta import travel_times
from matching.http import job_routes, service_type_routes
from matching.http_drivers import driver_routes
from matching.http_map import map_routes
from matching.livemap import LiveMap
from matching.mapping import fill, follow
from matching.positions import Whereabouts
from matching.presence import Presence
from matching.settings import Settings
from matching.share import Share
from matching.supply import Supply
from matching.territory import Territory
from matching.upkeep import forget_reasons, sweep
from wire import migrate
from wire.connection import check, connect
from wire.consume import consume
from wire.http import create_app
from wire.inbox import due_each, due_once, once
from wire.outbox import Outbox, forget_inbox
from wire.revocations import Revocations
from wire.rpc import serve
from wire.run import serve_http
from wire.sql import open_database
from wire.telemetry import set_up
from wire.verifier import Verifier

VERSION = "0.1.0"


async def main(settings: Settings) -> None:
    """Run until cancelled. Nothing is dispatched before the supply map is filled for our regions."""
    set_up("matching", settings)
    nc, outbox, supply, revocations = Client(), Outbox(), Supply(), Revocations()
    verifier = Verifier(settings, revocations)
    loaded = asyncio.Event()

    async def map_loaded() -> None:
        if not loaded.is_set():
            raise RuntimeError("the supply map is being filled")

    async with (
        open_database(settings, outbox.hand_over) as database,
        travel_times(settings) as eta,
        asyncio.TaskGroup() as group,
    ):
        reach = Reach(supply, eta, Share(), Whereabouts(nc, supply))
        checks = {
            "nats": check(nc, MATCHING_DISPATCH, MATCHING_TIMERS, MATCHING_DRIVERS, MATCHING_GRACES),
            "database": migrate.check(database, "matching"),
            "supply": map_loaded,
        }
        app = create_app("matching", VERSION, settings, checks, verifier)
        app.include_router(job_routes(database, reach))
        app.include_router(service_type_routes(database))
        livemap = LiveMap(nc, database, reach, settings)
        app.include_router(map_routes(livemap))
        app.include_router(driver_routes(database, reach, nc, settings))
        group.create_task(serve_http(app, settings))
        group.create_task(verifier.keep_keys())
        async with connect(
            nc,
            settings.nats_url,
            name="matching",
            access=settings.access,
            drain_seconds=settings.drain_seconds,
        ):
            await follow(nc, supply)
            await fill(database, supply)
            territory = Territory(nc, database, reach, settings)
            presence = Presence(nc, timedelta(seconds=settings.settle_seconds))
            watch = Watch(database, reach, presence, settings.patience)
            async with (
                territory.held(),
                serve(nc, "matching", VERSION, endpoints(database, reach, nc, settings.patience)),
                asyncio.TaskGroup() as work,
            ):
                await livemap.answer()
                loaded.set()
                work.create_task(revocations.follow(nc))
                work.create_task(outbox.relay(nc, database))
                work.create_task(outbox.sweep(nc, database, settings.outbox_sweep_seconds))
                work.create_task(forget_inbox(database))
                work.create_task(forget_reasons(database, timedelta(days=settings.why_not_days)))
                work.create_task(stock.watch(database, supply))
                work.create_task(territory.keep())
                work.create_task(sweep(database, reach, settings.sweep_seconds))
                lanes = settings.consumer_lanes
                events = once(database, MATCHING_DISPATCH.durable, handlers(reach))
                work.create_task(consume(nc, MATCHING_DISPATCH, events, lanes=lanes))
                deadlines = due_once(database, due_handlers(reach))
                work.create_task(consume(nc, MATCHING_TIMERS, deadlines, lanes=lanes))
                work.create_task(watch.keep(settings.watch_seconds))
                departures = once(database, MATCHING_DRIVERS.durable, driver_handlers(settings.patience))
                work.create_task(consume(nc, MATCHING_DRIVERS, departures, lanes=lanes))
                graces = due_each({GRACE: watch.grace_passed})
                work.create_task(consume(nc, MATCHING_GRACES, graces, lanes=lanes))
