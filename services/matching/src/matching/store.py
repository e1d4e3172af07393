"""Matching's rows: drivers, searches, offers, service types; and the queries that use cases need.

Locks are always taken in the same order: a search, then a driver. So no two commands wait for each other.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, DateTime, Select, exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from matching.policies.candidates import Standing
from matching.service_types import rules_from
from matching.states import Driver, Failure, Offer, OfferState, Search, SearchState


class DriverRow(SQLModel, table=True):
    """A driver: profile, standing, availability."""

    __tablename__ = "driver"
    id: str = Field(primary_key=True)
    name: str
    phone: str | None = None
    avatar: str | None = None
    vehicle_type: str | None = None
    truck_type: str | None = None
    is_operator: bool = False
    approved: bool = False
    online: bool = False
    vehicle_id: str | None = None
    edge: str | None = None
    contact_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    silent_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    grace_id: UUID | None = None
    grace_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    active_job: UUID | None = None
    active_customer: str | None = None
    rating: float | None = None
    completed_jobs: int = 0
    offers_taken: int = 0
    offers_lost: int = 0
    idle_since: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    version: int = 1
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class SearchRow(SQLModel, table=True):
    """One attempt to find a driver; `job` is the job as it was when the search began.

    `region`: whose owner looks for drivers; any replica does, where there is none. `waiting`: for that look.
    `trace`: the `traceparent` of the request that it belongs to, for looks that nobody asked for.
    """

    __tablename__ = "search"
    id: UUID = Field(primary_key=True)
    job_id: UUID
    customer_id: str
    attempt: int
    state: str
    rules: dict[str, Any] = Field(sa_type=JSON)
    region: str | None = None
    waiting: bool = False
    rung: int = 0
    open: bool = False
    job: dict[str, Any] = Field(sa_type=JSON)
    driver_id: str | None = None
    failure: str | None = None
    started_at: datetime = Field(sa_type=DateTime(timezone=True))
    deadline: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    trace: str | None = None


class OfferRow(SQLModel, table=True):
    """One job before one driver."""

    __tablename__ = "offer"
    id: UUID = Field(primary_key=True)
    search_id: UUID
    driver_id: str
    number: int
    rung: int = 0
    exclusive: bool
    state: str
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    answered_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


def _search_from(row: SearchRow, offers: Sequence[OfferRow]) -> Search:
    return Search(
        id=row.id,
        job=row.job_id,
        attempt=row.attempt,
        rules=rules_from(row.rules),
        started_at=row.started_at,
        deadline=row.deadline,
        state=SearchState(row.state),
        driver=row.driver_id,
        failure=Failure(row.failure) if row.failure else None,
        ended_at=row.ended_at,
        offers=tuple(_offer_from(offer) for offer in offers),
        rung=row.rung,
    )


def _offer_from(row: OfferRow) -> Offer:
    return Offer(
        id=row.id,
        driver=row.driver_id,
        number=row.number,
        exclusive=row.exclusive,
        created_at=row.created_at,
        expires_at=row.expires_at,
        state=OfferState(row.state),
        answered_at=row.answered_at,
        rung=row.rung,
    )


async def _locked(session: AsyncSession, row: SearchRow | None) -> tuple[SearchRow, Search] | None:
    if row is None:
        return None
    offers = select(OfferRow).where(col(OfferRow.search_id) == row.id).order_by(col(OfferRow.number))
    return row, _search_from(row, (await session.scalars(offers)).all())


async def lock_search(session: AsyncSession, search_id: UUID) -> tuple[SearchRow, Search] | None:
    """A search to change: nobody else changes it until this transaction ends."""
    return await _locked(session, await session.get(SearchRow, search_id, with_for_update=True))


def _latest(job_id: UUID) -> Select[SearchRow]:
    of_job = select(SearchRow).where(col(SearchRow.job_id) == job_id)
    return of_job.order_by(col(SearchRow.attempt).desc()).limit(1)


async def latest(session: AsyncSession, job_id: UUID) -> SearchRow | None:
    """The newest search of a job, to look at."""
    return await session.scalar(_latest(job_id))


async def lock_latest(session: AsyncSession, job_id: UUID) -> tuple[SearchRow, Search] | None:
    """The newest search of a job, to change."""
    return await _locked(session, await session.scalar(_latest(job_id).with_for_update()))


async def lock_offering_to(session: AsyncSession, driver_id: str) -> list[tuple[SearchRow, Search]]:
    """The searches whose live offer this driver holds, to change, in order of their ids."""
    live = select(col(OfferRow.search_id)).where(
        col(OfferRow.driver_id) == driver_id, col(OfferRow.state) == OfferState.pending.value
    )
    searches = select(SearchRow).where(col(SearchRow.id).in_(live)).order_by(col(SearchRow.id))
    rows = (await session.scalars(searches.with_for_update())).all()
    return [locked for row in rows if (locked := await _locked(session, row))]


async def held_offers(
    session: AsyncSession, driver_id: str, now: datetime, limit: int
) -> list[tuple[OfferRow, dict[str, Any]]]:
    """Offers that this driver could accept now, each with its job, to look at: one to it alone first, then
    the newest."""
    offer_ends, search_ends = col(OfferRow.expires_at), col(SearchRow.deadline)
    statement = (
        select(OfferRow, col(SearchRow.job))
        .join(SearchRow, col(SearchRow.id) == col(OfferRow.search_id))
        .where(
            col(OfferRow.driver_id) == driver_id,
            col(OfferRow.state) == OfferState.pending.value,
            or_(offer_ends.is_(None), offer_ends > now),
            col(SearchRow.state) == SearchState.searching.value,
            or_(search_ends.is_(None), search_ends > now),
        )
        .order_by(col(OfferRow.exclusive).desc(), col(OfferRow.id).desc())
        .limit(limit)
    )
    return [(offer, job) for offer, job in await session.execute(statement)]


async def searches_of(session: AsyncSession, job_id: UUID) -> list[tuple[SearchRow, list[OfferRow]]]:
    """Every search of a job with its offers, to look at (A12)."""
    statement = select(SearchRow).where(col(SearchRow.job_id) == job_id).order_by(col(SearchRow.attempt))
    rows = (await session.scalars(statement)).all()
    offers = (
        await session.scalars(
            select(OfferRow)
            .where(col(OfferRow.search_id).in_([row.id for row in rows]))
            .order_by(col(OfferRow.number))
        )
    ).all()
    return [(row, [offer for offer in offers if offer.search_id == row.id]) for row in rows]


async def save(session: AsyncSession, row: SearchRow, before: Search | None, after: Search) -> None:
    """Write what a command changed."""
    row.state, row.driver_id, row.ended_at = after.state.value, after.driver, after.ended_at
    row.failure = after.failure.value if after.failure else None
    row.rung, row.open = after.rung, after.open
    session.add(row)
    known = {offer.id: offer for offer in before.offers} if before else {}
    changed = [_offer_row(after.id, offer) for offer in after.offers if known.get(offer.id) != offer]
    if changed:
        await session.flush()
        fresh = insert(OfferRow).values([offer.model_dump() for offer in changed])
        answer = {"state": fresh.excluded.state, "answered_at": fresh.excluded.answered_at}
        await session.execute(fresh.on_conflict_do_update(index_elements=["id"], set_=answer))


def _offer_row(search_id: UUID, offer: Offer) -> OfferRow:
    return OfferRow(
        id=offer.id,
        search_id=search_id,
        driver_id=offer.driver,
        number=offer.number,
        exclusive=offer.exclusive,
        state=offer.state.value,
        created_at=offer.created_at,
        expires_at=offer.expires_at,
        answered_at=offer.answered_at,
        rung=offer.rung,
    )


async def lock_driver(session: AsyncSession, driver_id: str) -> DriverRow | None:
    """A driver to change. After its searches, never before (see above)."""
    return await session.get(DriverRow, driver_id, with_for_update=True, populate_existing=True)


async def reserve(session: AsyncSession, driver_id: str) -> bool:
    """Hold a driver while an exclusive offer is made; False when somebody else holds it right now.

    Never waits, so it may come in any order with other drivers. Whether the driver may still be asked has
    to be looked at after this, in a statement of its own: only that one sees what was committed before.
    """
    held = select(col(DriverRow.id)).where(col(DriverRow.id) == driver_id).with_for_update(skip_locked=True)
    return await session.scalar(held) is not None


def driver_from(row: DriverRow) -> Driver:
    """What the domain decides on."""
    return Driver(row.id, row.approved, row.active_job)


_HOLDS_EXCLUSIVE = exists().where(
    col(OfferRow.driver_id) == col(DriverRow.id),
    col(OfferRow.exclusive),
    col(OfferRow.state) == OfferState.pending.value,
)


async def standings(session: AsyncSession, among: Collection[str]) -> list[tuple[DriverRow, Standing]]:
    """These drivers as they are now, and what may stand against asking them."""
    statement = select(DriverRow, _HOLDS_EXCLUSIVE.label("holds")).where(col(DriverRow.id).in_(among))
    found = await session.execute(statement.execution_options(populate_existing=True))
    return [(row, _standing(row, holds_exclusive=holds)) for row, holds in found]


async def everyone(session: AsyncSession, without: Collection[str]) -> list[tuple[DriverRow, Standing]]:
    """All who are online and approved, for a job without a place (A3)."""
    statement = select(DriverRow, _HOLDS_EXCLUSIVE.label("holds")).where(
        col(DriverRow.approved), col(DriverRow.online), col(DriverRow.id).not_in(without)
    )
    found = await session.execute(statement.execution_options(populate_existing=True))
    return [(row, _standing(row, holds_exclusive=holds)) for row, holds in found]


def _standing(row: DriverRow, *, holds_exclusive: bool) -> Standing:
    return Standing(
        row.approved,
        row.online,
        row.is_operator,
        row.active_job is not None,
        row.vehicle_type,
        holds_exclusive,
    )


async def count_lost(session: AsyncSession, driver_id: str) -> None:
    """An offer to this driver was declined or lapsed (A14)."""
    lost = update(DriverRow).where(col(DriverRow.id) == driver_id)
    await session.execute(
        lost.values(offers_lost=col(DriverRow.offers_lost) + 1).execution_options(synchronize_session=False)
    )


async def open_broadcasts(session: AsyncSession, limit: int) -> list[SearchRow]:
    """Searches that stand open to all, oldest first (A9)."""
    statement = select(SearchRow).where(col(SearchRow.open)).order_by(col(SearchRow.id)).limit(limit)
    return list(await session.scalars(statement))


async def search_of_offer(session: AsyncSession, offer_id: UUID) -> UUID | None:
    """Which search an offer belongs to."""
    row = await session.get(OfferRow, offer_id)
    return row.search_id if row else None
