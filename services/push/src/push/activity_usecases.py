"""What can be done with a booking's cards: one function a command, in the caller's transaction."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from contracts.events import JobTracked
from contracts.models import Identity, Job, Role
from push import activities
from push.activities import LiveActivityRow
from push.activity import LIFE, booking_content, is_over, position_content
from push.notifier import Environment
from wire.problem import conflict, forbidden, not_found
from wire.sql import Transaction


class Registration(NamedTuple):
    """A card on a phone. `token` as ActivityKit gave it, made plain; `app` the bundle id."""

    token: str
    app: str
    environment: Environment


async def register(tx: Transaction, owner: Identity, card: Registration, job: Job) -> LiveActivityRow:
    """Show the booking on this card from now on. 403 for anybody but its customer, 409 `booking_over`."""
    if owner.role is not Role.user or job.customer_id != owner.subject:
        raise forbidden("Only the booking's customer has a card of it")
    if is_over(job.status, job.updated_at, tx.now):
        raise conflict("booking_over", "The booking is over; there is nothing more to show")
    row = LiveActivityRow(
        token=card.token,
        user_id=owner.subject,
        job_id=job.id,
        app=card.app,
        environment=card.environment.value,
        registered_at=tx.now,
        positions_from=tx.now,
        next_at=tx.now,
        **_state(job, tx.now),
    )
    await activities.put(tx.session, row)
    return row


async def unregister(tx: Transaction, owner: Identity, token: str) -> None:
    """404 for a card that is not the caller's."""
    if not await activities.delete_own(tx.session, owner.subject, token):
        raise not_found("Live Activity")


async def show(tx: Transaction, job: Job) -> bool:
    """Show this state of the booking, unless a newer one is shown; whether there is something to send."""
    return await activities.change(tx.session, job.id, _state(job, tx.now), tx.now)


async def move(tx: Transaction, tracks: Mapping[UUID, JobTracked], throttle: timedelta) -> bool:
    """Take each booking's newest position onto its cards, but for those that had another within `throttle`;
    whether there is something to send. A card that waits for a retry is not sent sooner for it."""
    moved = False
    for row in await activities.lock_due_for_position(tx.session, tracks, tx.now):
        track = tracks[row.job_id]
        is_newer = row.position_at is None or row.position_at < track.recorded_at
        if not is_newer or row.driver_id != track.driver_id:
            continue
        row.position = position_content(track.lat, track.lng, track.heading, track.recorded_at)
        row.position_at = track.recorded_at
        row.positions_from = tx.now + throttle
        row.next_at = row.next_at or tx.now
        row.expires_at = tx.now + LIFE
        moved = True
    return moved


def _state(job: Job, now: datetime) -> dict[str, Any]:
    driver = job.driver
    vehicle = (driver.vehicle_type or driver.truck_type) if driver else None
    return {
        "version": job.version,
        "status": job.status.value,
        "changed_at": job.updated_at,
        "content": booking_content(job.id, job.status.value, driver.name if driver else None, vehicle),
        "driver_id": driver.id if driver else None,
        "expires_at": now + LIFE,
    }
