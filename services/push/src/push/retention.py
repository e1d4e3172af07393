"""Forgetting what nobody asks for any more, in batches: each is a short transaction of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from push import store
from push.settings import Settings
from wire.sql import Database

log = structlog.get_logger()

FORGET_EVERY = 3600.0
BATCH = 1000
ENDED_KEPT = timedelta(days=1)
"""How long an offer's end is remembered. News of its making that came later would be past its deadline."""

Forget = Callable[[AsyncSession, datetime, int], Awaitable[int]]
"""Forgets up to so many rows that are older than this; how many."""


async def forget(database: Database, settings: Settings) -> None:
    """Forget old notifications, phones that have not been seen for long, and ends of offers; every hour, for
    ever."""
    kept: list[tuple[Forget, timedelta]] = [
        (store.forget_notifications, timedelta(days=settings.notifications_kept_days)),
        (store.forget_devices, timedelta(days=settings.devices_kept_days)),
        (store.forget_ended, ENDED_KEPT),
    ]
    while True:
        for each, age in kept:
            try:
                await forget_older(database, each, age)
            except Exception as error:  # the database is away; next time, then
                log.warning("push.not_forgotten", what=each.__name__, error=repr(error))
        await asyncio.sleep(FORGET_EVERY)


async def forget_older(database: Database, each: Forget, age: timedelta) -> None:
    """A batch at a time, until there is none left that old."""
    forgotten = BATCH
    while forgotten == BATCH:
        async with database.transaction() as tx:
            forgotten = await each(tx.session, tx.now - age, BATCH)
