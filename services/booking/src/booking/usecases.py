"""What can be done with a booking: one function a command, inside the caller's transaction."""

import hashlib
import json
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel, Field

from booking import domain, outgoing, store
from booking.metrics import STEPS
from booking.store import BookingRow, IdempotencyRow
from contracts.events import AssignmentCreated, SearchFailed, SearchTimedOut
from contracts.ids import new_id
from contracts.models import (
    DriverCard,
    Identity,
    JobStatus,
    JsonObject,
    Money,
    Place,
    Role,
    SubjectId,
    Text,
)
from contracts.requests import SearchView
from wire.problem import ProblemError, conflict, forbidden, not_found
from wire.sql import Transaction


class Order(BaseModel):
    """What a customer orders (B15)."""

    service_type: Text = Field(min_length=1, max_length=50)
    vehicle_type: Text | None = Field(default=None, max_length=50)
    requested_driver_id: SubjectId | None = None
    pickup: Place | None = None
    dropoff: Place | None = None
    address: Text | None = Field(default=None, max_length=500)
    items: JsonObject | None = None
    notes: Text | None = Field(default=None, max_length=2000)
    total_price: Money
    payment_method: Text | None = Field(default=None, max_length=50)
    cash_to_collect: Money | None = None

    def fingerprint(self) -> str:
        """Equal for equal orders, whatever the order of keys or the way a number was written.

        What was left out is not in it, so a field that a later version adds does not make it another order.
        """
        canonical = json.dumps(self.model_dump(mode="json", exclude_none=True), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()


async def place_order(
    tx: Transaction, customer: Identity, order: Order, key: str | None
) -> tuple[BookingRow, bool]:
    """A new booking, or with a known Idempotency-Key the earlier one; and whether it was known.

    If the process dies before the commit nothing was ordered; after it, the same key finds the booking.
    """
    if customer.role is not Role.user:
        raise forbidden("Only customers order")
    booking_id = new_id()
    if key is not None:
        claim = IdempotencyRow(
            customer_id=customer.subject,
            key=key,
            fingerprint=order.fingerprint(),
            booking_id=booking_id,
            created_at=tx.now,
        )
        earlier = await store.claim_key(tx.session, claim)
        if earlier is not None:
            return await _replay(tx, earlier, claim), True
    row = BookingRow(
        id=booking_id,
        number=await store.next_number(tx.session),
        customer_id=customer.subject,
        service_type=order.service_type,
        vehicle_type=order.vehicle_type,
        requested_driver_id=order.requested_driver_id,
        status=JobStatus.pending.value,
        address=order.address or (order.pickup.address if order.pickup else None),
        pickup=order.pickup.model_dump() if order.pickup else None,
        dropoff=order.dropoff.model_dump() if order.dropoff else None,
        items=order.items,
        notes=order.notes,
        total_price=Decimal(order.total_price),
        payment_method=order.payment_method,
        cash_to_collect=order.cash_to_collect,
        created_at=tx.now,
        updated_at=tx.now,
    )
    tx.session.add(row)
    tx.emit(outgoing.created(row))
    _count(tx, "none", row.status)
    return row, False


async def _replay(tx: Transaction, earlier: IdempotencyRow, claim: IdempotencyRow) -> BookingRow:
    if earlier.fingerprint != claim.fingerprint:
        raise ProblemError("idempotency_key_reused", "This Idempotency-Key came with a different order", 422)
    row = await store.find(tx.session, earlier.booking_id)
    if row is None:
        raise not_found("booking")
    return row


def may_see(caller: Identity, row: BookingRow) -> bool:
    """Its customer, its driver and admins (C6)."""
    match caller.role:
        case Role.admin:
            return True
        case Role.user:
            return row.customer_id == caller.subject
        case Role.pilot:
            return row.driver_id == caller.subject


async def view(tx: Transaction, caller: Identity, booking_id: UUID) -> BookingRow:
    """A booking that the caller may see; 404 otherwise, as if it did not exist."""
    row = await store.find(tx.session, booking_id)
    if row is None or not may_see(caller, row):
        raise not_found("booking")
    return row


async def open_bookings(tx: Transaction, caller: Identity) -> list[BookingRow]:
    """The caller's bookings under way (C7); an admin has none of its own."""
    if caller.role is Role.admin:
        return []
    is_customer = caller.role is Role.user
    return await store.open_ones(
        tx.session,
        customer=caller.subject if is_customer else None,
        driver=None if is_customer else caller.subject,
    )


async def _lock_own(tx: Transaction, caller: Identity, booking_id: UUID) -> BookingRow:
    row = await store.lock(tx.session, booking_id)
    if row is None or not may_see(caller, row):
        raise not_found("booking")
    return row


async def cancel(tx: Transaction, caller: Identity, booking_id: UUID, reason: str | None) -> BookingRow:
    """By the customer or an admin, before completion (B11). Cancelling twice answers the same."""
    row = await _lock_own(tx, caller, booking_id)
    if caller.role is Role.pilot:
        raise forbidden("A driver cannot cancel a booking")
    if _change(tx, row, domain.cancel(row.life())):
        tx.emit(outgoing.cancelled(row, caller.role.value, reason))
    return row


async def retry(tx: Transaction, caller: Identity, booking_id: UUID) -> BookingRow:
    """A fresh search, by the customer, while there is no driver (B10). Repeating it answers the same."""
    row = await _lock_own(tx, caller, booking_id)
    if caller.role is not Role.user:
        raise forbidden("Only the booking's customer searches again")
    if _change(tx, row, domain.retry(row.life())):
        tx.emit(outgoing.retried(row))
    return row


async def advance(tx: Transaction, caller: Identity, booking_id: UUID, step: JobStatus) -> BookingRow:
    """The driver's next step (C12). Repeating the last one answers the same."""
    row = await _lock_own(tx, caller, booking_id)
    previous = row.status
    if _change(tx, row, domain.advance(row.life(), domain.Status(step), caller.subject)):
        tx.emit(outgoing.status_changed(row, previous))
    return row


def _change(tx: Transaction, row: BookingRow, after: domain.Life | domain.Rejection) -> bool:
    """Write what the domain decided. False when that is what was there already: then nothing is told."""
    if isinstance(after, domain.Rejection):
        raise forbidden(after.message) if after.code == "forbidden" else conflict(after.code, after.message)
    if after == row.life():
        return False
    _count(tx, row.status, after.status.value)
    row.status, row.attempt, row.driver_id = after.status.value, after.attempt, after.driver
    row.version += 1
    row.updated_at = tx.now
    return True


def _count(tx: Transaction, before: str, after: str) -> None:
    tx.afterwards.append(STEPS.labels(before, after).inc)


async def assigned(tx: Transaction, event: AssignmentCreated) -> None:
    """Matching decided who gets the job. Crossing a cancel it changes nothing: matching hears of that too."""
    await _assign(tx, event.job_id, event.attempt, event.driver)


async def search_ended(tx: Transaction, event: SearchFailed | SearchTimedOut) -> None:
    """Nobody was found (B8, B9): the customer may retry or cancel."""
    await _give_up(tx, event.job_id, event.attempt)


async def search_seen(tx: Transaction, search: SearchView) -> None:
    """What matching answered when it was asked: if the search is over, as if the event of that had come. When
    it comes it changes nothing."""
    match search.state:
        case "assigned" if search.driver:
            await _assign(tx, search.job_id, search.attempt, search.driver)
        case "failed" | "timed_out":
            await _give_up(tx, search.job_id, search.attempt)


async def _assign(tx: Transaction, booking_id: UUID, attempt: int, driver: DriverCard) -> None:
    row = await store.lock(tx.session, booking_id)
    if row is None:
        return
    previous = row.status
    if _change(tx, row, domain.assign(row.life(), driver.id, attempt)):
        row.driver = driver.model_dump()
        tx.emit(outgoing.status_changed(row, previous))


async def _give_up(tx: Transaction, booking_id: UUID, attempt: int) -> None:
    row = await store.lock(tx.session, booking_id)
    if row is None:
        return
    previous = row.status
    if _change(tx, row, domain.give_up(row.life(), attempt)):
        tx.emit(outgoing.status_changed(row, previous))
