"""Booking, put together."""

import asyncio
from datetime import timedelta

from nats.aio.client import Client

from booking import metrics, tracking
from booking.bus import HANDLERS, endpoints
from booking.http import routes
from booking.settings import Settings
from contracts.streams import BOOKING_DISPATCH, BOOKING_TRACKING
from wire import migrate
from wire.connection import check, connect
from wire.consume import consume
from wire.consume_batches import consume_batches
from wire.http import create_app
from wire.inbox import once
from wire.outbox import Outbox, forget_inbox
from wire.revocations import Revocations
from wire.rpc import serve
from wire.run import serve_http
from wire.sql import open_database
from wire.telemetry import set_up
from wire.verifier import Verifier

VERSION = "0.1.0"


async def main(settings: Settings) -> None:
    """Run until cancelled. HTTP is up first, so that `/livez` answers while NATS is still waited for."""
    set_up("booking", settings)
    nc, outbox, revocations = Client(), Outbox(), Revocations()
    verifier = Verifier(settings, revocations)
    async with open_database(settings, outbox.hand_over) as database, asyncio.TaskGroup() as group:
        checks = {
            "nats": check(nc, BOOKING_DISPATCH, BOOKING_TRACKING),
            "database": migrate.check(database, "booking"),
        }
        app = create_app("booking", VERSION, settings, checks, verifier)
        app.include_router(routes(database, nc, settings))
        group.create_task(serve_http(app, settings))
        group.create_task(verifier.keep_keys())
        async with (
            connect(
                nc,
                settings.nats_url,
                name="booking",
                access=settings.access,
                drain_seconds=settings.drain_seconds,
            ),
            serve(nc, "booking", VERSION, endpoints(database, nc)),
            asyncio.TaskGroup() as work,
        ):
            work.create_task(revocations.follow(nc))
            work.create_task(outbox.relay(nc, database))
            work.create_task(outbox.sweep(nc, database, settings.outbox_sweep_seconds))
            work.create_task(forget_inbox(database))
            work.create_task(metrics.watch(database))
            apply = once(database, BOOKING_DISPATCH.durable, HANDLERS)
            work.create_task(consume(nc, BOOKING_DISPATCH, apply, lanes=settings.consumer_lanes))
            kept = timedelta(days=settings.track_days)
            work.create_task(consume_batches(nc, BOOKING_TRACKING, tracking.recorder(database, kept)))
            work.create_task(tracking.forget(database, kept))
