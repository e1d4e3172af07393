"""Push, put together."""

import asyncio

from nats.aio.client import Client

from contracts.streams import PUSH_ACTIVITIES, PUSH_DISPATCH, PUSH_SERVICE_TYPES
from push import activity_http, backlog, live_activities, retention, service_types, told
from push.apns import open_apns
from push.bus import LINGER_S, MOST, applying
from push.fcm import open_fcm
from push.http import routes
from push.notifier import Channel
from push.sender import Sender
from push.settings import Settings
from push.signals import ActivitySignals
from push.wake import Wake
from wire import migrate
from wire.connection import check, connect
from wire.consume_batches import consume_batches
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
    nc, outbox, wake, revocations = Client(), Outbox(), Wake(), Revocations()
    verifier, signals = Verifier(settings, revocations), ActivitySignals()
    async with (
        open_apns(settings) as apns,
        open_fcm(settings) as fcm,
        open_database(settings, outbox.hand_over) as database,
        asyncio.TaskGroup() as group,
    ):
        checks = {
            "nats": check(nc, PUSH_DISPATCH, PUSH_ACTIVITIES, PUSH_SERVICE_TYPES),
            "database": migrate.check(database, "push"),
        }
        app = create_app("push", VERSION, settings, checks, verifier)
        app.include_router(routes(database, settings, wake))
        app.include_router(activity_http.routes(nc, database, settings, signals))
        group.create_task(serve_http(app, settings))
        group.create_task(verifier.keep_keys())
        for channel in Channel:
            notifier = fcm if channel is Channel.fcm else apns
            group.create_task(Sender(database, channel, notifier, wake.bells[channel], settings).run())
        group.create_task(live_activities.send(database, apns, signals, settings))
        group.create_task(backlog.watch(database))
        group.create_task(backlog.expire(database))
        group.create_task(retention.forget(database, settings))
        async with (
            connect(
                nc,
                settings.nats_url,
                name="push",
                access=settings.access,
                drain_seconds=settings.drain_seconds,
            ),
            serve(nc, "push", VERSION, [told.endpoint(database)]),
            asyncio.TaskGroup() as work,
        ):
            work.create_task(revocations.follow(nc))
            work.create_task(outbox.relay(nc, database))
            work.create_task(outbox.sweep(nc, database, settings.outbox_sweep_seconds))
            work.create_task(forget_inbox(database))
            work.create_task(service_types.follow(nc, database))
            apply = applying(database, wake)
            work.create_task(consume_batches(nc, PUSH_DISPATCH, apply, most=MOST, linger=LINGER_S))
            work.create_task(live_activities.follow(nc, database, signals, settings))
