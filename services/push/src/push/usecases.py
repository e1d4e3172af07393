"""What can be done with devices and notifications: one function a command, in the caller's transaction."""

import re
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from contracts.events import NotificationCreated
from contracts.ids import new_id
from contracts.models import Identity
from push import domain, store
from push.delivery import State
from push.domain import Notification
from push.notifier import Environment, Platform
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


async def register(tx: Transaction, owner: Identity, device: Registration) -> DeviceRow:
    """This app on this phone is the caller's from now on, whoever had it before (A10)."""
    row = DeviceRow(
        token=device_token(device.token, device.platform),
        user_id=owner.subject,
        platform=device.platform.value,
        app=device.app,
        environment=device.environment.value,
        registered_at=tx.now,
        last_seen=tx.now,
    )
    await store.put_device(tx.session, row)
    return row


async def unregister(tx: Transaction, owner: Identity, token: str) -> None:
    """404 for a token that is not the caller's. What is still on its way to it is dropped."""
    if not await store.delete_device(tx.session, owner.subject, device_token(token, *Platform)):
        raise not_found("device")


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


async def notify(tx: Transaction, told: Notification, cause: UUID) -> int:
    """Record it, tell the edge (C10), and queue it for each device of the recipient; how many those are.

    `cause` is the event's id: the same event never notifies the same person twice.
    """
    row = NotificationRow(
        id=new_id(),
        user_id=told.recipient,
        title=told.title,
        body=told.body,
        kind=told.kind.value,
        data=dict(told.data),
        collapse_id=told.collapse_id,
        event_id=cause,
        created_at=tx.now,
    )
    if not await store.add_notification(tx.session, row):
        return 0
    devices = await store.devices_of(tx.session, told.recipient)
    deliveries = [_delivery(row.id, device.token, told.expires_at, tx.now) for device in devices]
    await store.add_deliveries(tx.session, deliveries)
    tx.emit(
        NotificationCreated(
            notification_id=row.id,
            user_id=row.user_id,
            title=row.title,
            body=row.body,
            kind=row.kind,
            data=row.data,
            created_at=row.created_at,
        )
    )
    return len(deliveries)


def _delivery(notification_id: UUID, token: str, expires_at: datetime, now: datetime) -> DeliveryRow:
    return DeliveryRow(
        id=new_id(),
        notification_id=notification_id,
        token=token,
        state=State.pending.value,
        expires_at=expires_at,
        next_attempt_at=now,
    )
