"""Push's rows: devices, notifications, and a delivery for each device of each notification."""

from datetime import datetime
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
    event_id: UUID
    created_at: datetime = Field(sa_type=TIME)
    read_at: datetime | None = Field(default=None, sa_type=TIME)


class DeliveryRow(SQLModel, table=True):
    """A notification on its way to one device. Its id is what the push service knows it by (`apns-id`).

    While pending, `next_attempt_at` is when it may be taken up: now, after a retry's delay, or, for one that
    is being sent, when its sender must have died.
    """

    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("notification_id", "token"),)
    id: UUID = Field(primary_key=True)
    notification_id: UUID = Field(foreign_key="notification.id")
    token: str
    state: str
    attempts: int = 0
    expires_at: datetime = Field(sa_type=TIME)
    next_attempt_at: datetime = Field(sa_type=TIME)
    last_reason: str | None = None
    sent_at: datetime | None = Field(default=None, sa_type=TIME)
