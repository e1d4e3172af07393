"""How many drivers and open searches there are, and what is overdue: counted for the metrics."""

import asyncio
from datetime import UTC, datetime

import structlog
from sqlalchemy import case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from contracts.events import DriverState
from matching.metrics import DRIVERS, OPEN, OVERDUE, SUPPLY
from matching.states import OfferState, SearchState
from matching.store import DriverRow, OfferRow, SearchRow
from matching.supply import Supply
from wire.sql import Database

log = structlog.get_logger()

EVERY_S = 15.0
"""As often as Prometheus looks."""


async def watch(database: Database, supply: Supply, every: float = EVERY_S) -> None:
    """Keep the gauges true, for ever. While the database is away, what they said last stands."""
    while True:
        SUPPLY.set(len(supply))
        try:
            async with database.transaction() as tx:
                await _count(tx.session)
        except Exception as error:
            log.warning("stock.not_counted", error=repr(error))
        await asyncio.sleep(every)


async def _count(session: AsyncSession) -> None:
    """Each statement reads a partial index, but for the drivers: those are some milliseconds for 100,000."""
    busy = col(DriverRow.active_job).is_not(None)
    state = case((busy, DriverState.busy.value), else_=DriverState.available.value)
    online = select(state, func.count()).where(or_(col(DriverRow.online), busy)).group_by(state)
    found: dict[str, int] = dict((await session.execute(online)).all())
    for one in (DriverState.available, DriverState.busy):
        DRIVERS.labels(one.value).set(found.get(one.value, 0))
    searching = col(SearchRow.state) == SearchState.searching.value
    searches = await session.execute(select(func.count(), func.min(col(SearchRow.deadline))).where(searching))
    number, search_due = searches.one()
    pending = col(OfferRow.state) == OfferState.pending.value
    offer_due = await session.scalar(select(func.min(col(OfferRow.expires_at))).where(pending))
    OPEN.set(number)
    for kind, due in (("search", search_due), ("offer", offer_due)):
        OVERDUE.labels(kind).set(max(0.0, (datetime.now(UTC) - due).total_seconds()) if due else 0)
