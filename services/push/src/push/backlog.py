"""What waits to be sent: how much, for how long, and its end when nobody could send it in time."""

import asyncio
from datetime import UTC, datetime

import structlog

from push import deliveries
from push.delivery import State
from push.metrics import OLDEST, PENDING, PUSHES
from push.notifier import Channel
from wire.sql import Database

log = structlog.get_logger()

WATCH_EVERY = 5
"""Seconds between two counts of the backlog."""
EXPIRE_EVERY = 1
"""Seconds between two looks for deliveries past their deadline. Whoever claims one sees it too: these are
the ones that nobody may claim, or that wait for a retry."""
BATCH = 1000


async def watch(database: Database) -> None:
    """Keep the backlog's metrics true, for ever."""
    while True:
        try:
            async with database.transaction() as tx:
                waiting = await deliveries.waiting(tx.session)
            now = datetime.now(UTC)
            for channel in Channel:
                count, since = waiting.get(channel.value, (0, now))
                PENDING.labels(channel.value).set(count)
                OLDEST.labels(channel.value).set(max(0.0, (now - since).total_seconds()))
        except Exception as error:
            log.warning("push.backlog_unknown", error=repr(error))
        await asyncio.sleep(WATCH_EVERY)


async def expire(database: Database) -> None:
    """End what is past its deadline, whether its channel is asked or not, for ever."""
    while True:
        expired = 0
        try:
            async with database.transaction() as tx:
                expired = await deliveries.expire(tx.session, tx.now, BATCH)
        except Exception as error:
            log.warning("push.not_expired", error=repr(error))
        if expired:
            PUSHES.labels(State.expired.value).inc(expired)
            log.warning("push.expired", deliveries=expired)
        if expired < BATCH:
            await asyncio.sleep(EXPIRE_EVERY)
