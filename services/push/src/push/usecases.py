"""What can be done with devices and notifications: one function a command, in the caller's transaction."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from contracts.events import NotificationCreated
from contracts.ids import new_id
from contracts.models import Identity
from push import deliveries, domain, store
from push.delivery import State
from push.domain import Notification
from push.notifier import Environment, Platform, channel_of
from push.tables import DeliveryRow, DeviceRow, NotificationRow
from wire.problem import ProblemError, not_found
from wire.sql import Transaction

TOKEN_SHAPE = {
    Platform.ios: re.compile(r"(?:[0-9a-f]{2}){32,100}"),
    Platform.android: re.compile(r"[A-Za-z0-9_:.-]{32,1000}"),
}
"""APNs: 32 bytes or more as hex. FCM keeps its own open; this is every form it has issued."""


def device_token(text: str, *platforms: Platform) -> str:
    """The token as it is kept; 422 if no token of these platforms looks like it."""
    for platform in platforms:
        token = text.lower() if platform is Platform.ios else text
        if TOKEN_SHAPE[platform].fullmatch(token):
            return token
    raise ProblemError("invalid_device_token", "This is not a device token", 422)


class Registration(NamedTuple):
    """An app on a phone. `token` as the phone has it, `app` the bundle id."""

    token: str
    platform: Platform
    app: str
    environment: Environment


async def register(tx: Transaction, owner: Identity, device: Registration) -> tuple[DeviceRow, bool]:
    """This app on this phone is the caller's from now on, whoever had it before (A10); and whether it is new
    to the caller. What is still on its way to whoever had it is dropped."""
    row = DeviceRow(
        token=device_token(device.token, device.platform),
        user_id=owner.subject,
        platform=device.platform.value,
        app=device.app,
        environment=device.environment.value,
        registered_at=tx.now,
        last_seen=tx.now,
    )
    before = await store.owner_of(tx.session, row.token)
    await store.put_device(tx.session, row)
    if before not in (None, owner.subject):
        await deliveries.drop(tx.session, row.token, tx.now)
    return row, before != owner.subject


async def unregister(tx: Transaction, owner: Identity, token: str) -> None:
    """404 for a token that is not the caller's. What is still on its way to it is dropped."""
    token = device_token(token, *Platform)
    if not await store.delete_device(tx.session, owner.subject, token):
        raise not_found("device")
    await deliveries.drop(tx.session, token, tx.now)


async def read(tx: Transaction, reader: Identity, notification_id: UUID) -> NotificationRow:
    """Mark one as read; 404 for one that is not the caller's. Reading again changes nothing."""
    row = await store.mark_read(tx.session, reader.subject, notification_id, tx.now)
    if row is None:
        raise not_found("notification")
    return row


async def test_push(tx: Transaction, owner: Identity) -> int:
    """Notify the caller, on all the caller's devices (A10); how many those are."""
    cause = new_id()
    return await notify(tx, domain.test_push(owner.subject, cause, tx.now), cause)


class News(NamedTuple):
    """Something to tell one person: `cause` is the id of the event that it comes of, which happened at
    `happened_at` and belongs to a trace. If that is an offer, it is told for as long as neither it nor its
    search has ended."""

    told: Notification
    cause: UUID
    happened_at: datetime
    offer_id: UUID | None = None
    search_id: UUID | None = None
    trace_id: str | None = None


class Recorded(NamedTuple):
    """What the edge is to be told (C10), and to how many devices the news is on its way."""

    event: NotificationCreated
    devices: int


async def notify(tx: Transaction, told: Notification, cause: UUID) -> int:
    """Record it, tell the edge (C10), and queue it for each device of the recipient; how many those are."""
    for recorded in await record(tx, [News(told, cause, tx.now)]):
        if recorded:
            tx.emit(recorded.event)
            return recorded.devices
    return 0


async def record(tx: Transaction, news: Sequence[News]) -> list[Recorded | None]:
    """Record each, and queue it for the recipient's devices; the caller emits the events. In the order of
    `news`, None for what its recipient was told before: an event never notifies the same person twice.

    Few statements, however much there is to tell.
    """
    rows = [_notification(one, tx.now) for one in news]
    added = await store.add_notifications(tx.session, rows)
    devices = await store.devices_of_all(tx.session, {row.user_id for row in rows if row.id in added})
    queued: dict[UUID, list[DeliveryRow]] = {
        row.id: [_delivery(row, one, device, tx.now) for device in devices.get(row.user_id, [])]
        for row, one in zip(rows, news, strict=True)
        if row.id in added
    }
    made = [delivery for deliveries_of in queued.values() for delivery in deliveries_of]
    await deliveries.supersede(tx.session, made, tx.now)
    await deliveries.add(tx.session, made)
    return [Recorded(_created(row), len(queued[row.id])) if row.id in queued else None for row in rows]


async def offers_ended(tx: Transaction, ended: Collection[UUID]) -> None:
    """These offers, or all offers of these searches, stand no more: they are not pushed from now on (B4, B5,
    B9, B11), not even when the news of their making comes after that of their end."""
    await deliveries.withdraw(tx.session, ended, tx.now)


def _notification(news: News, now: datetime) -> NotificationRow:
    told = news.told
    return NotificationRow(
        id=new_id(),
        user_id=told.recipient,
        title=told.title,
        body=told.body,
        kind=told.kind.value,
        data=dict(told.data),
        collapse_id=told.collapse_id,
        localized=told.localized.kept() if told.localized else None,
        event_id=news.cause,
        trace_id=news.trace_id,
        created_at=now,
    )


def _delivery(row: NotificationRow, news: News, device: DeviceRow, now: datetime) -> DeliveryRow:
    return DeliveryRow(
        id=new_id(),
        notification_id=row.id,
        token=device.token,
        channel=channel_of(Platform(device.platform), Environment(device.environment)).value,
        collapse_id=row.collapse_id,
        happened_at=news.happened_at,
        offer_id=news.offer_id,
        search_id=news.search_id,
        state=State.pending.value,
        expires_at=news.told.expires_at,
        next_attempt_at=now,
    )


def _created(row: NotificationRow) -> NotificationCreated:
    return NotificationCreated(
        notification_id=row.id,
        user_id=row.user_id,
        title=row.title,
        body=row.body,
        kind=row.kind,
        data=row.data,
        created_at=row.created_at,
    )
