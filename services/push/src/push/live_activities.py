"""Live Activities, put together: what follows bookings on the bus, and what sends."""

import asyncio

from nats.aio.client import Client

from contracts.streams import PUSH_ACTIVITIES
from push.activity_bus import showing
from push.activity_sender import ActivitySender, forget_expired
from push.notifier import LiveActivities
from push.settings import Settings
from push.signals import ActivitySignals
from push.tracked import Tracks
from wire.consume import consume
from wire.sql import Database

LANES = 4
"""Bookings whose cards are changed at once: most connections to the database are the notifications' (A11)."""


async def send(
    database: Database, phones: LiveActivities, signals: ActivitySignals, settings: Settings
) -> None:
    """Bring cards up to date, whether NATS is there or not, and forget old ones; for ever."""
    async with asyncio.TaskGroup() as group:
        group.create_task(ActivitySender(database, phones, signals, settings).run())
        group.create_task(forget_expired(database))


async def follow(nc: Client, database: Database, signals: ActivitySignals, settings: Settings) -> None:
    """Hear of bookings and of where their drivers are; for ever."""
    async with asyncio.TaskGroup() as group:
        apply = showing(database, signals)
        group.create_task(consume(nc, PUSH_ACTIVITIES, apply, lanes=LANES))
        group.create_task(Tracks(nc, database, signals, settings).run())
