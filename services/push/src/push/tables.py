"""Push's rows: devices, notifications, and a delivery for each device of each notification."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, DateTime, UniqueConstraint
from sqlmodel import Field, SQLModel

TIME = DateTime(timezone=True)


class DeviceRow(SQLModel, table=True):
    """An app on a phone, by the token that its push service gave it. Belongs to one user at a time (A10).

    `registered_at` is the last time it was; a push service's word that the token died before that is void.
    """

    __tablename__ = "device"
    token: str = Field(primary_key=True)
    user_id: str
    platform: str
    app: str
    environment: str
    registered_at: datetime = Field(sa_type=TIME)
    last_seen: datetime = Field(sa_type=TIME)


class NotificationRow(SQLModel, table=True):
    """One thing told to one person (A4): one a person and event, however often the event comes."""

    __tablename__ = "notification"
    __table_args__ = (UniqueConstraint("event_id", "user_id"),)
    id: UUID = Field(primary_key=True)
    user_id: str
    title: str
    body: str
    kind: str
    data: dict[str, str] = Field(sa_type=JSON)
    collapse_id: str
    localized: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    event_id: UUID
    trace_id: str | None = None
    created_at: datetime = Field(sa_type=TIME)
    read_at: datetime | None = Field(default=None, sa_type=TIME)


class DeliveryRow(SQLModel, table=True):
    """A notification on its way to one device. Its id is what the push service knows it by (`apns-id`).

    While pending, `next_attempt_at` is when it may be taken up: now, after a retry's delay, or, for one that
    is being sent (`leased`), when its sender must have died. `channel` is the push service that its device
    had when it was made. Of those with the same token and `collapse_id` a phone shows the last to arrive, so
    only the one that `happened_at` last may be it. `offer_id` and `search_id` are of the offer it tells of,
    if it tells of one.
    """

    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("notification_id", "token"),)
    id: UUID = Field(primary_key=True)
    notification_id: UUID = Field(foreign_key="notification.id")
    token: str
    channel: str
    collapse_id: str | None
    happened_at: datetime = Field(sa_type=TIME)
    offer_id: UUID | None = None
    search_id: UUID | None = None
    state: str
    attempts: int = 0
    leased: bool = False
    expires_at: datetime = Field(sa_type=TIME)
    next_attempt_at: datetime = Field(sa_type=TIME)
    last_reason: str | None = None
    sent_at: datetime | None = Field(default=None, sa_type=TIME)


class EndedRow(SQLModel, table=True):
    """An offer that stands no more, or a search with all its offers, remembered for as long as the news of
    their making may still be on its way."""

    __tablename__ = "ended"
    id: UUID = Field(primary_key=True)
    ended_at: datetime = Field(sa_type=TIME)
