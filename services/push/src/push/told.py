"""Who was told of a job, on which devices, and how that went (A12)."""

from collections.abc import Iterable
from itertools import groupby, islice
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Text, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from contracts.explained import DeviceView, JobPushes, NotificationView
from contracts.requests import ViewPushes
from push.domain import URGENT
from push.notifier import Channel, Platform
from push.tables import DeliveryRow, NotificationRow
from wire.rpc import Endpoint
from wire.sql import Database

SHOWN = 500
"""Notifications in one answer; the newest."""
LARGEST_ANSWER = 500_000
"""Bytes of them; a message on the bus may have 1 MB."""
DEVICES_SHOWN = 20
"""Of one notification: as many as a user may have."""
REASON_SHOWN = 200
TOKEN_SHOWN = 4
"""Characters from a token's end: enough to tell a user's devices apart, and nothing to push with."""
NO_DEVICE = "no_device"

JOB = literal_column("notification.data ->> 'job_id'", Text())
"""To the letter what the index `notification_job` is on: with a parameter in it, it could not be used."""


def endpoint(database: Database) -> Endpoint:
    """The answer to `ViewPushes`."""

    async def pushes(question: ViewPushes) -> JobPushes:
        async with database.transaction() as tx:
            return await told_of(tx.session, question)

    return Endpoint(ViewPushes, pushes)


async def told_of(session: AsyncSession, question: ViewPushes) -> JobPushes:
    """Newest first. A job that nobody was told of has nothing."""
    about = [JOB == str(question.job_id)]  # noqa: SIM300  # a column, not a constant
    if question.driver_id is not None:
        about.append(col(NotificationRow.user_id) == question.driver_id)
    newest = select(NotificationRow).where(*about).order_by(col(NotificationRow.id).desc()).limit(SHOWN)
    rows = list(await session.scalars(newest))
    total = await session.scalar(select(func.count()).select_from(NotificationRow).where(*about)) or 0
    devices = await _devices_of(session, [row.id for row in rows])
    shown = _that_fit(_view(row, devices.get(row.id, [])) for row in rows)
    return JobPushes(job_id=question.job_id, notifications=shown, left_out=total - len(shown))


async def _devices_of(session: AsyncSession, notifications: list[UUID]) -> dict[UUID, list[DeviceView]]:
    """By notification. Of tokens and reasons no more leaves the database than is told."""
    found = await session.execute(
        select(
            col(DeliveryRow.notification_id),
            col(DeliveryRow.channel),
            func.right(col(DeliveryRow.token), TOKEN_SHOWN).label("token_end"),
            col(DeliveryRow.state),
            func.left(col(DeliveryRow.last_reason), REASON_SHOWN).label("reason"),
            col(DeliveryRow.attempts),
            col(DeliveryRow.sent_at),
        )
        .where(col(DeliveryRow.notification_id).in_(notifications))
        .order_by(col(DeliveryRow.notification_id), col(DeliveryRow.id))
    )
    by_notification = groupby(found.all(), key=lambda one: one.notification_id)
    return {
        notification: [_device(one) for one in islice(several, DEVICES_SHOWN)]
        for notification, several in by_notification
    }


def _device(row: Row[Any]) -> DeviceView:
    return DeviceView(
        platform=Platform.android if row.channel == Channel.fcm else Platform.ios,
        token_end=row.token_end,
        state=row.state,
        reason=row.reason,
        attempts=row.attempts,
        sent_at=row.sent_at,
    )


def _view(row: NotificationRow, devices: list[DeviceView]) -> NotificationView:
    return NotificationView(
        id=row.id,
        user_id=row.user_id,
        kind=row.kind,
        offer_id=UUID(row.collapse_id) if row.kind in URGENT else None,
        created_at=row.created_at,
        gate=None if devices else NO_DEVICE,
        devices=devices,
    )


def _that_fit(views: Iterable[NotificationView]) -> list[NotificationView]:
    fitting, size = list[NotificationView](), 0
    for view in views:
        size += len(view.model_dump_json().encode())
        if size > LARGEST_ANSWER:
            break
        fitting.append(view)
    return fitting
