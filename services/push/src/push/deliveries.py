"""The queue of deliveries: claimed by whoever sends, for a short time, and settled afterwards."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Uuid,
    and_,
    any_,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from push.delivery import EXPIRED, Standing, State, Step, before
from push.notifier import Channel, Environment, Platform, channel_of
from push.tables import DeliveryRow, DeviceRow, EndedRow, NotificationRow


@dataclass(frozen=True)
class Settled:
    """What became of attempt number `attempt`; 0 was none at all."""

    id: UUID
    attempt: int
    step: Step


@dataclass(frozen=True)
class Claimed:
    """A delivery that is this process's to send, until its lease ends."""

    attempt: int
    claimed_at: datetime
    delivery: DeliveryRow
    notification: NotificationRow
    device: DeviceRow


@dataclass(frozen=True)
class Claim:
    """`ready` is to be sent, `over` need not be any more and was settled. `full`: more may be due."""

    ready: list[Claimed] = field(default_factory=list)
    over: list[Settled] = field(default_factory=list)
    full: bool = False


REASON_KEPT = 500
"""Characters of why an attempt failed."""
PENDING = col(DeliveryRow.state) == State.pending.value


def _on_its_way(row: type[DeliveryRow], now: datetime) -> ColumnElement[bool]:
    """Somebody sends it at this moment."""
    return and_(col(row.state) == State.pending.value, col(row.leased), col(row.next_attempt_at) > now)


Due = Select[DeliveryRow, NotificationRow, DeviceRow, bool, bool]
"""A delivery, what it tells, its device (None if its user has that no more), whether the offer that it tells
of has ended, and whether there is later news."""


def _due(channel: Channel, now: datetime, limit: int) -> Due:
    other = aliased(DeliveryRow)
    same = and_(
        col(other.token) == col(DeliveryRow.token), col(other.collapse_id) == col(DeliveryRow.collapse_id)
    )
    order = tuple_(col(DeliveryRow.happened_at), col(DeliveryRow.id))
    later = tuple_(col(other.happened_at), col(other.id)) > order
    offer = col(EndedRow.id).in_([col(DeliveryRow.offer_id), col(DeliveryRow.search_id)])
    owned = and_(col(DeviceRow.token) == DeliveryRow.token, col(DeviceRow.user_id) == NotificationRow.user_id)
    return (
        select(DeliveryRow, NotificationRow, DeviceRow, exists().where(offer), exists().where(same, later))
        .join(NotificationRow, col(NotificationRow.id) == DeliveryRow.notification_id)
        .outerjoin(DeviceRow, owned)
        .where(PENDING, col(DeliveryRow.channel) == channel.value, col(DeliveryRow.next_attempt_at) <= now)
        .where(not_(exists().where(same, _on_its_way(other, now))))
        .order_by(col(DeliveryRow.next_attempt_at))
        .limit(limit)
        .with_for_update(of=DeliveryRow, skip_locked=True)
    )


async def claim(
    session: AsyncSession, channel: Channel, now: datetime, lease: timedelta, limit: int
) -> Claim:
    """Take up to `limit` deliveries of this channel that are due, longest due first; nobody else takes them
    before `now + lease`. Committed before anything is sent, so that no lock waits for the network.

    This is where it is looked at whether a delivery is still to be made, before each attempt. One whose
    predecessor of the same collapse id is on its way waits for that: the phone shows what comes last.
    """
    rows = (await session.execute(_due(channel, now, limit))).all()
    ready: list[Claimed] = []
    over: list[Settled] = []
    for row in rows:
        delivery, notification, device, ended, succeeded = row
        standing = Standing(_is_on(channel, device), ended, succeeded, delivery.expires_at)
        if step := before(standing, now):
            over.append(Settled(delivery.id, delivery.attempts, step))
        else:
            ready.append(Claimed(delivery.attempts + 1, now, delivery, notification, device))
    await settle(session, over, now)
    await _lease(session, [one.delivery.id for one in ready], now + lease)
    return Claim(ready, over, full=len(rows) == limit)


def _is_on(channel: Channel, device: DeviceRow | None) -> bool:
    """A phone may have been registered again as something else."""
    return device is not None and channel is channel_of(
        Platform(device.platform), Environment(device.environment)
    )


async def _lease(session: AsyncSession, ids: Sequence[UUID], until: datetime) -> None:
    if ids:
        await session.execute(
            update(DeliveryRow)
            .where(col(DeliveryRow.id) == any_(literal(list(ids), ARRAY(Uuid))))
            .values(attempts=DeliveryRow.attempts + 1, next_attempt_at=until, leased=True)
            .execution_options(synchronize_session=False)
        )


# One statement whatever the number of rows, so that it is prepared once.
_SETTLE = text("""
    UPDATE delivery SET
        state = done.state, last_reason = done.reason, leased = false,
        next_attempt_at = coalesce(done.next_attempt_at, delivery.next_attempt_at),
        sent_at = CASE WHEN done.state = 'sent' THEN CAST(:now AS timestamptz) END
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:attempts AS integer[]), CAST(:states AS text[]),
        CAST(:reasons AS text[]), CAST(:times AS timestamptz[])
    ) AS done (id, attempt, state, reason, next_attempt_at)
    WHERE delivery.id = done.id AND delivery.attempts = done.attempt AND delivery.state = 'pending'
""")


async def settle(session: AsyncSession, settled: Sequence[Settled], now: datetime) -> None:
    """Write back what became of them, but for those that somebody else has taken up since (the lease had
    ended)."""
    if settled:
        values = {
            "ids": [one.id for one in settled],
            "attempts": [one.attempt for one in settled],
            "states": [one.step.state.value for one in settled],
            "reasons": [_text(one.step.reason) for one in settled],
            "times": [one.step.next_attempt_at for one in settled],
        }
        await session.execute(_SETTLE, values | {"now": now})


def _text(reason: str | None) -> str | None:
    """As the database takes it: a push service's words are not ours."""
    return reason and reason.replace("\x00", "")[:REASON_KEPT]


async def add(session: AsyncSession, rows: Sequence[DeliveryRow]) -> None:
    """To be sent once this commits."""
    if rows:
        await session.execute(insert(DeliveryRow), [row.model_dump() for row in rows])


_SUPERSEDE = text("""
    UPDATE delivery SET state = 'superseded', last_reason = 'later news'
    FROM unnest(CAST(:tokens AS text[]), CAST(:collapse_ids AS text[]), CAST(:times AS timestamptz[]))
        AS later (token, collapse_id, happened_at)
    WHERE delivery.token = later.token AND delivery.collapse_id = later.collapse_id
        AND delivery.happened_at < later.happened_at AND delivery.state = 'pending'
        AND NOT (delivery.leased AND delivery.next_attempt_at > :now)
""")


async def supersede(session: AsyncSession, later: Sequence[DeliveryRow], now: datetime) -> None:
    """End those that wait for their turn, and whose places on the phones are for `later` ones.

    Waits for whoever claims one at this moment: once `later` is committed, it is seen to be on its way.
    """
    if later:
        values = {
            "tokens": [row.token for row in later],
            "collapse_ids": [row.collapse_id for row in later],
            "times": [row.happened_at for row in later],
        }
        await session.execute(_SUPERSEDE, values | {"now": now})


async def withdraw(session: AsyncSession, ended: Collection[UUID], now: datetime) -> None:
    """These offers, or all offers of these searches, stand no more: what tells of them and is not on its way
    ends, and what tells of them later finds it remembered."""
    if not ended:
        return
    rows = [{"id": one, "ended_at": now} for one in sorted(ended)]
    await session.execute(insert(EndedRow).on_conflict_do_nothing(), rows)
    ids = any_(literal(list(ended), ARRAY(Uuid)))
    await session.execute(
        update(DeliveryRow)
        .where(PENDING, not_(_on_its_way(DeliveryRow, now)))
        .where(or_(col(DeliveryRow.offer_id) == ids, col(DeliveryRow.search_id) == ids))
        .values(state=State.withdrawn.value, last_reason="offer ended")
        .execution_options(synchronize_session=False)
    )


async def drop(session: AsyncSession, token: str, now: datetime) -> None:
    """Whoever had this device has it no more: what waits for it ends."""
    await session.execute(
        update(DeliveryRow)
        .where(PENDING, not_(_on_its_way(DeliveryRow, now)), col(DeliveryRow.token) == token)
        .values(state=State.dropped.value, last_reason="device not registered")
        .execution_options(synchronize_session=False)
    )


async def expire(session: AsyncSession, now: datetime, limit: int) -> int:
    """End up to `limit` deliveries that nobody sends any more, whatever keeps them waiting; how many."""
    late = (
        select(col(DeliveryRow.id))
        .where(PENDING, col(DeliveryRow.expires_at) <= now, not_(_on_its_way(DeliveryRow, now)))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ended = await session.execute(
        update(DeliveryRow)
        .where(col(DeliveryRow.id).in_(late))
        .values(state=State.expired.value, last_reason=func.coalesce(DeliveryRow.last_reason, EXPIRED.reason))
        .returning(col(DeliveryRow.id))
        .execution_options(synchronize_session=False)
    )
    return len(ended.all())


async def waiting(session: AsyncSession) -> dict[str, tuple[int, datetime]]:
    """By channel: how many are not in a final state, and when the oldest of them happened."""
    counted = select(col(DeliveryRow.channel), func.count(), func.min(DeliveryRow.happened_at))
    rows = await session.execute(counted.where(PENDING).group_by(col(DeliveryRow.channel)))
    return {channel: (count, since) for channel, count, since in rows}
