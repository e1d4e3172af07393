"""Booking's rows: bookings, and the idempotency keys that made them."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, DateTime, Sequence, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from booking.domain import ENDED, UNDER_WAY, Life, Status

NUMBER_SEQUENCE = Sequence("booking_number")


class BookingRow(SQLModel, table=True):
    """One job. Places, items and the driver's card are kept as they were told."""

    __tablename__ = "booking"
    id: UUID = Field(primary_key=True)
    number: str
    customer_id: str
    driver_id: str | None = None
    service_type: str
    vehicle_type: str | None = None
    requested_driver_id: str | None = None
    status: str
    version: int = 1
    attempt: int = 1
    address: str | None = None
    pickup: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    dropoff: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    items: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    notes: str | None = None
    total_price: Decimal = Field(max_digits=12, decimal_places=2)
    payment_method: str | None = None
    cash_to_collect: Decimal | None = Field(default=None, max_digits=12, decimal_places=2)
    driver: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(sa_type=DateTime(timezone=True))

    def life(self) -> Life:
        """What the domain decides on."""
        return Life(Status(self.status), self.attempt, self.driver_id)


class IdempotencyRow(SQLModel, table=True):
    """A key that a customer ordered with, and a digest of what was ordered."""

    __tablename__ = "idempotency"
    customer_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: str
    booking_id: UUID
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


async def next_number(session: AsyncSession) -> str:
    """The number that people say on the phone, e.g. `WG-000123`."""
    return f"WG-{await session.scalar(NUMBER_SEQUENCE.next_value()):06d}"


async def claim_key(session: AsyncSession, row: IdempotencyRow) -> IdempotencyRow | None:
    """Take the key for this booking; the earlier claim if there is one.

    Waits for a concurrent claim to commit or roll back, so that two copies of an order make one booking.
    """
    statement = insert(IdempotencyRow).values(row.model_dump()).on_conflict_do_nothing()
    if (await session.execute(statement.returning(col(IdempotencyRow.key)))).first():
        return None
    return await session.get(IdempotencyRow, (row.customer_id, row.key))


async def find(session: AsyncSession, booking_id: UUID) -> BookingRow | None:
    """A booking to look at."""
    return await session.get(BookingRow, booking_id)


async def lock(session: AsyncSession, booking_id: UUID) -> BookingRow | None:
    """A booking to change: nobody else changes it until this transaction ends."""
    return await session.get(BookingRow, booking_id, with_for_update=True)


async def page(
    session: AsyncSession,
    *,
    customer: str | None,
    driver: str | None,
    statuses: Collection[str] | None,
    before: UUID | None,
    limit: int,
) -> list[BookingRow]:
    """Bookings of a customer or driver (or all), in one of these statuses (or any), newest first. Ids are in
    order of time."""
    statement = select(BookingRow).order_by(col(BookingRow.id).desc()).limit(limit)
    if customer is not None:
        statement = statement.where(col(BookingRow.customer_id) == customer)
    if driver is not None:
        statement = statement.where(col(BookingRow.driver_id) == driver)
    if statuses is not None:
        statement = statement.where(col(BookingRow.status).in_(statuses))
    if before is not None:
        statement = statement.where(col(BookingRow.id) < before)
    return list(await session.scalars(statement))


async def open_ones(session: AsyncSession, *, customer: str | None, driver: str | None) -> list[BookingRow]:
    """At most 20 bookings under way, newest first."""
    mine = col(BookingRow.customer_id) == customer if customer else col(BookingRow.driver_id) == driver
    statement = select(BookingRow).where(mine, col(BookingRow.status).not_in([*ENDED]))
    return list(await session.scalars(statement.order_by(col(BookingRow.id).desc()).limit(20)))


async def under_way(session: AsyncSession) -> dict[str, int]:
    """How many bookings there are by status, of those that somebody is at work on or waits for."""
    status = col(BookingRow.status)
    statement = select(status, func.count()).where(status.in_([*UNDER_WAY])).group_by(status)
    return dict((await session.execute(statement)).all())


async def schema_ready(session: AsyncSession) -> None:
    """Raises unless the migrations have run."""
    await session.execute(text("SELECT 1 FROM booking LIMIT 1"))
