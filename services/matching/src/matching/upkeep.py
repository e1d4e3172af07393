"""The sweep behind the timers: what is due and was not dealt with is dealt with now (B13, E2)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from prometheus_client import Counter

from matching import deadlines, decisions, usecases
from matching.asking import Reach
from wire.sql import Database, Transaction

log = structlog.get_logger()

SWEPT = Counter("waggle_deadlines_swept_total", "Deadlines that no timer had dealt with in time", ["kind"])
BATCH = 100
FORGET_EVERY = 3600.0
"""Seconds."""
GRACE = timedelta(milliseconds=400)
"""A timer comes up to 0.25 s late; the sweep waits a little longer, to be the exception."""


async def sweep(database: Database, reach: Reach, every: float) -> None:
    """For ever. Each row in a transaction of its own: one that fails keeps none of the others."""
    while True:
        await asyncio.sleep(every)
        try:
            await sweep_once(database, reach, datetime.now(UTC) - GRACE)
        except Exception:
            log.warning("sweep.failed", exc_info=True)


async def sweep_once(database: Database, reach: Reach, before: datetime) -> None:
    """Everything that was due `before`."""
    async with database.transaction() as tx:
        offers, searches = await deadlines.overdue(tx.session, before, BATCH)
        idle = await deadlines.idle(tx.session, before, BATCH, reach.share.ready)
    await _each("search", database, searches, usecases.search_due)
    await _each("offer", database, offers, lambda tx, one: usecases.offer_due(tx, reach, one))
    await _each("idle", database, idle, lambda tx, one: usecases.ask_again(tx, reach, one))


async def _each(
    kind: str, database: Database, ids: list[UUID], use_case: Callable[[Transaction, UUID], Awaitable[None]]
) -> None:
    for one in ids:
        try:
            async with database.transaction() as tx:
                await use_case(tx, one)
            SWEPT.labels(kind).inc()
        except Exception:
            log.warning("sweep.one_failed", kind=kind, id=str(one), exc_info=True)


async def forget_reasons(database: Database, kept: timedelta) -> None:
    """Drop what nobody asks about any more (A12), every hour, for ever."""
    while True:
        try:
            async with database.transaction() as tx:
                await decisions.forget(tx, tx.now - kept)
        except Exception as error:  # the database is away; next time, then
            log.warning("reasons.not_forgotten", error=repr(error))
        await asyncio.sleep(FORGET_EVERY)
