"""Queries over devices and notifications. Those of deliveries are in `deliveries`."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from push.tables import DeliveryRow, DeviceRow, NotificationRow

DEVICES_KEPT = 20
"""Devices of one user; beyond them the ones not seen for longest are forgotten."""


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


async def add_notification(session: AsyncSession, row: NotificationRow) -> bool:
    """False when this person has been told of this event already."""
    statement = insert(NotificationRow).values(row.model_dump()).on_conflict_do_nothing()
    return (await session.execute(statement.returning(col(NotificationRow.id)))).first() is not None


async def add_deliveries(session: AsyncSession, rows: list[DeliveryRow]) -> None:
    """To be sent once this commits."""
    if rows:
        await session.execute(insert(DeliveryRow), [row.model_dump() for row in rows])


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
