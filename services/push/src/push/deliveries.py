"""The queue of deliveries: claimed by whoever sends, for a short time, and settled afterwards."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from push.delivery import State, Step
from push.tables import DeliveryRow, DeviceRow, NotificationRow


@dataclass(frozen=True)
class Claimed:
    """A delivery that is this process's to send until its lease ends. No device: the user has it no more."""

    id: UUID
    attempt: int
    claimed_at: datetime
    delivery: DeliveryRow
    notification: NotificationRow
    device: DeviceRow | None


PENDING = col(DeliveryRow.state) == State.pending.value


async def claim(session: AsyncSession, now: datetime, lease: timedelta, limit: int) -> list[Claimed]:
    """Take up to `limit` deliveries that are due, longest due first; nobody else takes them before
    `now + lease`. Committed before anything is sent, so that no lock waits for the network.
    """
    owned = and_(col(DeviceRow.token) == DeliveryRow.token, col(DeviceRow.user_id) == NotificationRow.user_id)
    due = (
        select(DeliveryRow, NotificationRow, DeviceRow)
        .join(NotificationRow, col(NotificationRow.id) == DeliveryRow.notification_id)
        .outerjoin(DeviceRow, owned)
        .where(PENDING, col(DeliveryRow.next_attempt_at) <= now)
        .order_by(col(DeliveryRow.next_attempt_at))
        .limit(limit)
        .with_for_update(of=DeliveryRow, skip_locked=True)
    )
    claimed = [
        Claimed(delivery.id, delivery.attempts + 1, now, delivery, notification, device)
        for delivery, notification, device in (await session.execute(due)).all()
    ]
    if claimed:
        await session.execute(
            update(DeliveryRow)
            .where(col(DeliveryRow.id).in_([one.id for one in claimed]))
            .values(attempts=DeliveryRow.attempts + 1, next_attempt_at=now + lease)
            .execution_options(synchronize_session=False)
        )
    return claimed


async def settle(session: AsyncSession, claimed: Claimed, step: Step, now: datetime) -> None:
    """Write back what became of it, unless somebody else has taken it up since (our lease had ended)."""
    ours = (col(DeliveryRow.id) == claimed.id, PENDING, col(DeliveryRow.attempts) == claimed.attempt)
    values: dict[str, object] = {"state": step.state.value, "last_reason": step.reason}
    if step.next_attempt_at:
        values["next_attempt_at"] = step.next_attempt_at
    if step.state is State.sent:
        values["sent_at"] = now
    await session.execute(
        update(DeliveryRow).where(*ours).values(values).execution_options(synchronize_session=False)
    )


async def pending(session: AsyncSession) -> int:
    """How many are not in a final state."""
    return await session.scalar(select(func.count()).select_from(DeliveryRow).where(PENDING)) or 0
