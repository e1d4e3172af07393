"""Queries over devices and notifications. Those of deliveries are in `deliveries`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, any_, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from push.tables import DeliveryRow, DeviceRow, EndedRow, NotificationRow

DEVICES_KEPT = 20
"""Devices of one user; beyond them the ones not seen for longest are forgotten."""


async def owner_of(session: AsyncSession, token: str) -> str | None:
    """Whose device it is; nobody else's until this transaction is over."""
    statement = select(col(DeviceRow.user_id)).where(col(DeviceRow.token) == token).with_for_update()
    return await session.scalar(statement)


async def put_device(session: AsyncSession, device: DeviceRow) -> None:
    """Register; a token that somebody had is this user's from now on (A10)."""
    values = device.model_dump()
    changed = {name: value for name, value in values.items() if name != "token"}
    statement = insert(DeviceRow).values(values)
    await session.execute(statement.on_conflict_do_update(index_elements=["token"], set_=changed))
    mine = col(DeviceRow.user_id) == device.user_id
    newest = (
        select(col(DeviceRow.token)).where(mine).order_by(col(DeviceRow.last_seen).desc()).limit(DEVICES_KEPT)
    )
    await session.execute(delete(DeviceRow).where(mine, col(DeviceRow.token).not_in(newest)))


async def delete_device(session: AsyncSession, user_id: str, token: str) -> bool:
    """Whether it was there, and this user's."""
    own = delete(DeviceRow).where(col(DeviceRow.token) == token, col(DeviceRow.user_id) == user_id)
    return (await session.execute(own.returning(col(DeviceRow.token)))).first() is not None


async def delete_dead_device(session: AsyncSession, token: str, since: datetime) -> bool:
    """Forget a token that died at `since`; not when it was registered after that (A10)."""
    dead = delete(DeviceRow).where(col(DeviceRow.token) == token, col(DeviceRow.registered_at) <= since)
    return (await session.execute(dead.returning(col(DeviceRow.token)))).first() is not None


async def devices_of(session: AsyncSession, user_id: str) -> list[DeviceRow]:
    """Last seen first."""
    statement = select(DeviceRow).where(col(DeviceRow.user_id) == user_id)
    return list(await session.scalars(statement.order_by(col(DeviceRow.last_seen).desc())))


async def devices_of_all(session: AsyncSession, users: Collection[str]) -> dict[str, list[DeviceRow]]:
    """By user, and locked: whoever else makes deliveries for these devices, or moves them, waits until this
    transaction is over. In one order for all, so that nobody waits in a circle."""
    mine = col(DeviceRow.user_id) == any_(literal(list(users), ARRAY(Text)))
    statement = select(DeviceRow).where(mine).order_by(col(DeviceRow.token)).with_for_update(key_share=True)
    found: dict[str, list[DeviceRow]] = {}
    for device in await session.scalars(statement):
        found.setdefault(device.user_id, []).append(device)
    return found


async def add_notifications(session: AsyncSession, rows: Sequence[NotificationRow]) -> set[UUID]:
    """The ids of those that were added: the others' recipients had been told of the event already."""
    if not rows:
        return set()
    statement = insert(NotificationRow).on_conflict_do_nothing().returning(col(NotificationRow.id))
    return set(await session.scalars(statement, [row.model_dump() for row in rows]))


class Page(NamedTuple):
    """Notifications, newest first, and how many the user has not read in all."""

    rows: list[NotificationRow]
    unread: int


async def notifications_of(session: AsyncSession, user_id: str, before: UUID | None, limit: int) -> Page:
    """Those older than the notification `before`, if given. Ids are in order of time."""
    mine = col(NotificationRow.user_id) == user_id
    statement = select(NotificationRow).where(mine).order_by(col(NotificationRow.id).desc()).limit(limit)
    if before is not None:
        statement = statement.where(col(NotificationRow.id) < before)
    unread = select(func.count()).where(mine, col(NotificationRow.read_at).is_(None))
    return Page(list(await session.scalars(statement)), await session.scalar(unread) or 0)


async def mark_read(session: AsyncSession, user_id: str, one: UUID, now: datetime) -> NotificationRow | None:
    """The user's notification, read since `now` or earlier; None if the user has no such one."""
    statement = (
        update(NotificationRow)
        .where(col(NotificationRow.id) == one, col(NotificationRow.user_id) == user_id)
        .values(read_at=func.coalesce(col(NotificationRow.read_at), now))
        .returning(NotificationRow)
    )
    return (await session.scalars(statement)).first()


async def mark_all_read(session: AsyncSession, user_id: str, now: datetime) -> int:
    """How many were unread."""
    unread = (col(NotificationRow.user_id) == user_id, col(NotificationRow.read_at).is_(None))
    statement = update(NotificationRow).where(*unread).values(read_at=now).returning(col(NotificationRow.id))
    return len((await session.execute(statement)).all())


async def forget_notifications(session: AsyncSession, before: datetime, limit: int) -> int:
    """Up to `limit` that were made before then, with their deliveries; how many."""
    old = select(col(NotificationRow.id)).where(col(NotificationRow.created_at) < before).limit(limit)
    ids = list(await session.scalars(old.with_for_update(skip_locked=True)))
    if ids:
        these = any_(literal(ids, ARRAY(Uuid)))
        await session.execute(delete(DeliveryRow).where(col(DeliveryRow.notification_id) == these))
        await session.execute(delete(NotificationRow).where(col(NotificationRow.id) == these))
    return len(ids)


async def forget_devices(session: AsyncSession, before: datetime, limit: int) -> int:
    """Up to `limit` that were last seen before then: their phones are gone, or the app is; how many."""
    old = select(col(DeviceRow.token)).where(col(DeviceRow.last_seen) < before).limit(limit)
    old = old.with_for_update(skip_locked=True)
    gone = delete(DeviceRow).where(col(DeviceRow.token).in_(old)).returning(col(DeviceRow.token))
    return len((await session.execute(gone)).all())


async def forget_ended(session: AsyncSession, before: datetime, limit: int) -> int:
    """Up to `limit` ends of offers that were heard of before then; how many."""
    old = select(col(EndedRow.id)).where(col(EndedRow.ended_at) < before).limit(limit)
    gone = delete(EndedRow).where(col(EndedRow.id).in_(old)).returning(col(EndedRow.id))
    return len((await session.execute(gone)).all())
