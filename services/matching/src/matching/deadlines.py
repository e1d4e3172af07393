"""What is due: offers and searches past their time, idle searches, drivers' graces and silences."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, String, and_, any_, cast, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from matching.states import OfferState, SearchState
from matching.store import DriverRow, OfferRow, SearchRow


async def in_grace(session: AsyncSession, grace_id: UUID) -> DriverRow | None:
    """The driver whose grace this is, to look at."""
    return (await session.scalars(select(DriverRow).where(col(DriverRow.grace_id) == grace_id))).first()


async def graces_over(session: AsyncSession, before: datetime, limit: int) -> list[UUID]:
    """Graces that ended `before`, the oldest first."""
    until = col(DriverRow.grace_until)
    statement = select(col(DriverRow.grace_id)).where(until <= before).order_by(until).limit(limit)
    return [one for one in await session.scalars(statement) if one]


async def edges(session: AsyncSession) -> list[str]:
    """Every edge that a driver is on."""
    statement = select(col(DriverRow.edge)).where(col(DriverRow.edge).is_not(None)).distinct()
    return [edge for edge in await session.scalars(statement) if edge]


async def lock_on_edge(session: AsyncSession, edge: str, limit: int) -> list[DriverRow]:
    """Drivers on this edge, to change; those in other hands at this moment come next time."""
    statement = select(DriverRow).where(col(DriverRow.edge) == edge).limit(limit)
    return list(await session.scalars(statement.with_for_update(skip_locked=True)))


async def silent(session: AsyncSession, now: datetime, limit: int) -> list[str]:
    """Drivers whose deadline for a word has come, the longest due first."""
    due = col(DriverRow.silent_at)
    return list(await session.scalars(select(col(DriverRow.id)).where(due <= now).order_by(due).limit(limit)))


async def lock_silent(session: AsyncSession, among: Collection[str], now: datetime) -> list[DriverRow]:
    """Those of these whose deadline has come, to change; as above."""
    statement = select(DriverRow).where(col(DriverRow.id).in_(among), col(DriverRow.silent_at) <= now)
    return list(await session.scalars(statement.with_for_update(skip_locked=True)))


async def absent_holders(session: AsyncSession, limit: int) -> list[str]:
    """Drivers that are offline or suspended, and hold an exclusive offer all the same."""
    statement = (
        select(col(DriverRow.id))
        .join(OfferRow, col(OfferRow.driver_id) == col(DriverRow.id))
        .where(
            col(OfferRow.state) == OfferState.pending.value,
            col(OfferRow.exclusive),
            or_(~col(DriverRow.online), ~col(DriverRow.approved)),
        )
        .limit(limit)
    )
    return list(await session.scalars(statement))


async def overdue(session: AsyncSession, now: datetime, limit: int) -> tuple[list[UUID], list[UUID]]:
    """Offers past their deadline, and searches past theirs: what a timer should have dealt with."""
    offers = (
        select(col(OfferRow.id))
        .where(col(OfferRow.state) == OfferState.pending.value, col(OfferRow.expires_at) <= now)
        .limit(limit)
    )
    searches = (
        select(col(SearchRow.id))
        .where(col(SearchRow.state) == SearchState.searching.value, col(SearchRow.deadline) <= now)
        .limit(limit)
    )
    return list(await session.scalars(offers)), list(await session.scalars(searches))


async def idle(session: AsyncSession, before: datetime, limit: int, regions: Collection[str]) -> list[UUID]:
    """Searches that somebody who knows these regions should look at: they wait for it, or have no live offer,
    for whoever could be asked was in other hands at that moment."""
    live = exists().where(
        col(OfferRow.search_id) == col(SearchRow.id), col(OfferRow.state) == OfferState.pending.value
    )
    ours = cast(list(regions), ARRAY(String))
    statement = (
        select(col(SearchRow.id))
        .where(
            col(SearchRow.state) == SearchState.searching.value,
            or_(col(SearchRow.waiting), and_(~col(SearchRow.open), ~live)),
            or_(col(SearchRow.region).is_(None), col(SearchRow.region) == any_(ours)),
            col(SearchRow.started_at) < before,
        )
        .limit(limit)
    )
    return list(await session.scalars(statement))
