"""Forcing an interleaving: a transaction that holds what the service wants, until all are seen to wait."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from .people import PATIENCE_S

Queued = Callable[[int], Awaitable[None]]
WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@asynccontextmanager
async def holding(
    database_url: str, statement: str, *values: object, keep: bool = False
) -> AsyncIterator[Queued]:
    """Keep the locks that `statement` takes; on leaving it is rolled back, or committed if it is to `keep`,
    and whoever waits goes on.

    Yields `queued(n)`, which returns when n others wait. PostgreSQL announces that to nobody, so it is asked.
    """
    url = database_url.replace("+asyncpg", "")
    holder, watcher = await asyncpg.connect(url), await asyncpg.connect(url)

    async def queued(number: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await watcher.fetchval(WAITING) < number:
                await asyncio.sleep(0.02)

    try:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute(statement, *values)
        yield queued
        await (transaction.commit() if keep else transaction.rollback())
    finally:
        await holder.close()
        await watcher.close()
