"""The cards of bookings under way: their rows and queries. The latest state wins; nothing is queued."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, DateTime, case, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from push.activity import Step

TIME = DateTime(timezone=True)
KEPT_PER_BOOKING = 4
"""Cards of one booking; beyond them the ones registered first are forgotten."""


class LiveActivityRow(SQLModel, table=True):
    """A card on one phone, by the token that ActivityKit gave it: one booking's, and its customer's.

    `next_at`: when it may be taken up, to be sent as it is then; None when the phone has it all. For one that
    is being sent, when its sender must have died. `urgent`: more than the position is new.
    `turn` counts claims and changes of status: what came of an attempt counts only if it is still its turn.
    `stamp`: the last push's `timestamp`, in seconds; a phone drops what is not newer.
    """

    __tablename__ = "live_activity"
    token: str = Field(primary_key=True)
    user_id: str
    job_id: UUID
    app: str
    environment: str
    registered_at: datetime = Field(sa_type=TIME)
    version: int
    status: str
    changed_at: datetime = Field(sa_type=TIME)
    content: dict[str, Any] = Field(sa_type=JSON)
    driver_id: str | None = None
    position: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    position_at: datetime | None = Field(default=None, sa_type=TIME)
    positions_from: datetime = Field(sa_type=TIME)
    urgent: bool = True
    next_at: datetime | None = Field(sa_type=TIME)
    turn: int = 0
    failures: int = 0
    stamp: int = Field(default=0, sa_type=BigInteger)
    expires_at: datetime = Field(sa_type=TIME)


ROW = LiveActivityRow
"""Short for the queries."""


async def put(session: AsyncSession, row: LiveActivityRow) -> None:
    """Register; a token that was another's, or another booking's, is this one's from now on."""
    statement = insert(ROW).values(row.model_dump())
    given = statement.excluded
    is_same = col(ROW.job_id) == given.job_id
    names = row.model_dump(exclude={"token", "stamp"})
    changed: dict[str, Any] = {name: given[name] for name in names}
    changed["turn"] = col(ROW.turn) + 1
    changed["position"] = case((is_same, col(ROW.position)), else_=given.position)
    changed["position_at"] = case((is_same, col(ROW.position_at)), else_=None)
    await session.execute(statement.on_conflict_do_update(index_elements=["token"], set_=changed))
    of_job = col(ROW.job_id) == row.job_id
    newest = select(col(ROW.token)).where(of_job).order_by(col(ROW.registered_at).desc())
    await session.execute(delete(ROW).where(of_job, col(ROW.token).not_in(newest.limit(KEPT_PER_BOOKING))))


async def delete_own(session: AsyncSession, user_id: str, token: str) -> bool:
    """Whether it was there, and this user's."""
    own = delete(ROW).where(col(ROW.token) == token, col(ROW.user_id) == user_id)
    return (await session.execute(own.returning(col(ROW.token)))).first() is not None


async def delete_dead(session: AsyncSession, token: str, since: datetime) -> bool:
    """Forget a token that died at `since`; not when it was registered after that."""
    dead = delete(ROW).where(col(ROW.token) == token, col(ROW.registered_at) <= since)
    return (await session.execute(dead.returning(col(ROW.token)))).first() is not None


async def delete_expired(session: AsyncSession, now: datetime) -> None:
    """Forget the cards that phones have ended themselves."""
    await session.execute(delete(ROW).where(col(ROW.expires_at) <= now))


async def change(session: AsyncSession, job_id: UUID, state: Mapping[str, Any], now: datetime) -> bool:
    """Show this `state` of the booking on each of its cards, at once; not where a newer one is shown. Whether
    there is such a card. It overtakes whatever of the card is under way or waits for a retry."""
    statement = (
        update(ROW)
        .where(col(ROW.job_id) == job_id, col(ROW.version) < state["version"])
        .values(**state, urgent=True, next_at=now, failures=0, turn=ROW.turn + 1)
        .returning(col(ROW.token))
        .execution_options(synchronize_session=False)
    )
    return (await session.execute(statement)).first() is not None


async def claim(
    session: AsyncSession, now: datetime, lease: timedelta, limit: int, *, urgent: bool
) -> list[LiveActivityRow]:
    """Take up to `limit` cards that are due, as they are now, longest due first; nobody else takes them
    before `now + lease`. Committed before anything is sent, with the push's timestamp."""
    due = (
        select(col(ROW.token))
        .where(col(ROW.next_at) <= now, col(ROW.urgent).is_(urgent), col(ROW.expires_at) > now)
        .order_by(col(ROW.next_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    stamp = func.greatest(int(now.timestamp()), col(ROW.stamp) + 1)
    statement = (
        update(ROW)
        .where(col(ROW.token) == due.c.token)
        .values(turn=ROW.turn + 1, stamp=stamp, next_at=now + lease)
        .returning(ROW)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return list((await session.scalars(statement)).all())


async def settle(session: AsyncSession, claimed: LiveActivityRow, step: Step, now: datetime) -> None:
    """Write back what became of it, unless the status has changed since, or somebody else has taken it up. A
    position that came meanwhile is sent next."""
    ours = (col(ROW.token) == claimed.token, col(ROW.turn) == claimed.turn)
    if step.over:
        await session.execute(delete(ROW).where(*ours))
        return
    values: dict[str, Any] = {"failures": step.failures, "next_at": step.next_at}
    if not step.failures:
        has_not_moved = col(ROW.position_at).is_not_distinct_from(claimed.position_at)
        values["urgent"] = step.next_at is not None  # an end that is due later
        values["next_at"] = case((has_not_moved, literal(step.next_at, TIME)), else_=now)
    await session.execute(
        update(ROW).where(*ours).values(values).execution_options(synchronize_session=False)
    )


async def tracked_jobs(session: AsyncSession) -> set[UUID]:
    """The bookings whose driver's position is shown somewhere."""
    return set(await session.scalars(select(col(ROW.job_id)).distinct()))


async def lock_due_for_position(
    session: AsyncSession, jobs: Iterable[UUID], now: datetime
) -> list[LiveActivityRow]:
    """The cards of these bookings that may show another position by now. Those that another replica looks at
    are left out: it has a position too."""
    due = select(ROW).where(col(ROW.job_id).in_(list(jobs)), col(ROW.positions_from) <= now)
    return list(await session.scalars(due.with_for_update(skip_locked=True)))
