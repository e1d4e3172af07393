"""Devices and queued deliveries as the push service keeps them, in its own tables."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import bindparam, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import SQLModel, col

from contracts.ids import new_id
from push.delivery import State
from push.tables import DeliveryRow, DeviceRow, NotificationRow
from stack.plan import DRIVER_TOPIC

LATER = timedelta(hours=1)
LOOK_EVERY_S = 0.02
GIVE_UP_S = 90.0


def driver(number: int) -> str:
    return f"driver-{number}"


async def register(engine: AsyncEngine, many: int) -> list[str]:
    """A device for each of so many drivers; their tokens."""
    now, tokens = datetime.now(UTC), [token_hex(32) for _ in range(many)]
    devices = [
        DeviceRow(
            token=token,
            user_id=driver(number),
            platform="ios",
            app=DRIVER_TOPIC,
            environment="production",
            registered_at=now,
            last_seen=now,
        )
        for number, token in enumerate(tokens)
    ]
    await _insert(engine, DeviceRow, devices)
    return tokens


async def queue(engine: AsyncEngine, tokens: Sequence[str]) -> None:
    """A notification for each driver and its delivery, none of which is due for an hour."""
    now = datetime.now(UTC)
    notifications = [_notification(number, now) for number in range(len(tokens))]
    deliveries = [_delivery(*one, now) for one in zip(notifications, tokens, strict=True)]
    await _insert(engine, NotificationRow, notifications)
    await _insert(engine, DeliveryRow, deliveries)
    async with engine.begin() as connection:
        await connection.execute(text("ANALYZE"))


def _notification(number: int, now: datetime) -> NotificationRow:
    return NotificationRow(
        id=new_id(),
        user_id=driver(number),
        title="New Job Nearby",
        body=f"12 Main Street - ${number % 100}",
        kind="new_job",
        data={"job_id": str(new_id()), "type": "new_job", "address": "12 Main Street"},
        collapse_id=str(new_id()),
        event_id=new_id(),
        created_at=now,
    )


def _delivery(notification: NotificationRow, token: str, now: datetime) -> DeliveryRow:
    return DeliveryRow(
        id=new_id(),
        notification_id=notification.id,
        token=token,
        channel="apns",
        collapse_id=notification.collapse_id,
        happened_at=now,
        state=State.pending.value,
        expires_at=now + 2 * LATER,
        next_attempt_at=now + LATER,
    )


async def become_due(engine: AsyncEngine, tokens: Sequence[str]) -> float:
    """Those to these devices are due; when that began to be so, on the monotonic clock."""
    to_these = col(DeliveryRow.token) == func.any(bindparam("tokens"))
    async with engine.begin() as connection:
        due = update(DeliveryRow).where(to_these).values(next_attempt_at=func.now())
        await connection.execute(due, {"tokens": list(tokens)})
        return time.monotonic()


async def until_sent(engine: AsyncEngine, many: int) -> None:
    """Wait until so many deliveries in all are sent and written back. TimeoutError after 90 s."""
    async with asyncio.timeout(GIVE_UP_S), engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        left = await _count(connection) - many
        while await _count(connection, State.pending) > left:  # noqa: ASYNC110  rows announce nothing
            await asyncio.sleep(LOOK_EVERY_S)
        found = await _count(connection, State.sent)
    if found != many:
        raise RuntimeError(f"{found} deliveries were sent, not {many}")


async def _count(connection: AsyncConnection, *states: State) -> int:
    """Of these states, or of all."""
    rows = select(func.count()).select_from(DeliveryRow)
    if states:
        rows = rows.where(col(DeliveryRow.state).in_(states))
    return await connection.scalar(rows) or 0


async def _insert(engine: AsyncEngine, table: type[SQLModel], rows: Sequence[Any]) -> None:
    async with engine.begin() as connection:
        await connection.execute(insert(table), [row.model_dump() for row in rows])
