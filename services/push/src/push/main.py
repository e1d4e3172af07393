"""Push, put together."""

import asyncio

from nats.aio.client import Client

from contracts.streams import PUSH_DISPATCH
from push.apns import open_apns
from push.bus import applying
from push.http import routes
from push.notifier import Platform, Unconfigured
from push.sender import Sender, watch_backlog
from push.settings import Settings
from wire import migrate
from wire.connection import check, connect
from wire.consume import consume
from wire.http import create_app
from wire.outbox import Outbox, forget_inbox
from wire.revocations import Revocations
from wire.rpc import serve
from wire.run import serve_http
from wire.sql import open_database
from wire.telemetry import set_up
from wire.verifier import Verifier

VERSION = "0.1.0"


async def main(settings: Settings) -> None:
    """Run until cancelled. Pushes go out whether NATS is there or not: their deliveries are rows."""
    set_up("push", settings)
    nc, outbox, wake, revocations = Client(), Outbox(), asyncio.Event(), Revocations()
    verifier = Verifier(settings, revocations)
    async with (
        open_apns(settings) as apns,
        open_database(settings, outbox.hand_over) as database,
        asyncio.TaskGroup() as group,
    ):
        checks = {"nats": check(nc, PUSH_DISPATCH), "database": migrate.check(database, "push")}
        app = create_app("push", VERSION, settings, checks, verifier)
        app.include_router(routes(database, settings, wake))
        group.create_task(serve_http(app, settings))
        group.create_task(verifier.keep_keys())
        notifiers = {Platform.ios: apns, Platform.android: Unconfigured("fcm")}
        group.create_task(Sender(database, notifiers, wake, settings).run())
        group.create_task(watch_backlog(database))
        async with (
            connect(nc, settings.nats_url, name="push", drain_seconds=settings.drain_seconds),
            serve(nc, "push", VERSION, []),
            asyncio.TaskGroup() as work,
        ):
            work.create_task(revocations.follow(nc))
            work.create_task(outbox.relay(nc, database))
            work.create_task(outbox.sweep(nc, database, settings.outbox_sweep_seconds))
            work.create_task(forget_inbox(database))
            apply = applying(database, wake)
            work.create_task(consume(nc, PUSH_DISPATCH, apply, lanes=settings.consumer_lanes))
