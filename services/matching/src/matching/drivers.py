"""What can be done with a driver: profile, standing, availability. Inside the caller's transaction."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import select
from sqlmodel import col

from contracts.events import DriverDisconnected, DriverState
from contracts.ids import MAX_SUBJECT_ID, new_id
from contracts.models import PendingOffer, Text
from contracts.requests import GoOnline
from matching import availability, decisions, outgoing, store
from matching.availability import (
    Availability,
    Change,
    Grace,
    GraceBegan,
    GraceEnded,
    Patience,
    StandingChanged,
    WentOffline,
    WentOnline,
)
from matching.states import OfferState, Rejection
from matching.store import DriverRow, OfferRow
from wire.problem import ProblemError, conflict, not_found
from wire.sql import Transaction
from wire.timers import Cancellation, Schedule

GRACE = "grace"
"""Kind of deadline."""

OFFERS = 50
"""Offers told at most."""
OFFERS_BYTES = 256 * 1024
"""Jobs may be as large as a body over HTTP; the bus takes no message above 1 MB."""


class Profile(BaseModel):
    """What a driver says of itself."""

    name: Text = Field(min_length=1, max_length=200)
    phone: Text | None = Field(default=None, max_length=50)
    avatar: Text | None = Field(default=None, max_length=500)
    vehicle_type: Text | None = Field(default=None, max_length=50)
    truck_type: Text | None = Field(default=None, max_length=50)


def _as_a_sub(driver_id: str) -> str:
    """No token can name a driver by a longer id."""
    if len(driver_id.encode()) > MAX_SUBJECT_ID:
        raise ValueError(f"must not be longer than {MAX_SUBJECT_ID} bytes")
    return driver_id


class NewDriver(Profile):
    """What an admin says of a driver. `id` is the `sub` of the driver's tokens."""

    id: Annotated[Text, AfterValidator(_as_a_sub)] = Field(min_length=1)
    is_operator: bool = False
    approved: bool = False
    rating: float | None = Field(default=None, ge=0, le=5)


async def register(tx: Transaction, new: NewDriver) -> DriverRow:
    """By an admin. ProblemError 409 when the driver is known."""
    if await store.lock_driver(tx.session, new.id):
        raise conflict("driver_exists", "There is a driver with this id")
    row = DriverRow(**new.model_dump(), created_at=tx.now)
    tx.session.add(row)
    announce(tx, row)
    return row


async def describe(tx: Transaction, driver_id: str, profile: Profile) -> DriverRow:
    """By the driver itself. A new one awaits approval."""
    row = await store.lock_driver(tx.session, driver_id)
    if row is None:
        row = DriverRow(id=driver_id, **profile.model_dump(), created_at=tx.now)
        tx.session.add(row)
    else:
        row.sqlmodel_update(profile.model_dump())
        row.version += 1
    announce(tx, row)
    return row


async def find(tx: Transaction, driver_id: str) -> DriverRow:
    """ProblemError 404 when unknown."""
    row = await tx.session.get(DriverRow, driver_id)
    if row is None:
        raise not_found("driver")
    return row


async def offers_held(tx: Transaction, row: DriverRow) -> list[PendingOffer]:
    """What the driver could accept now, for a phone that comes back (C7): what is before it alone, then the
    newest; no more than an answer on the bus holds. Who is busy or away holds none, though an end is not
    written yet."""
    if not row.approved or outgoing.state_of(row) is not DriverState.available:
        return []
    held, left = [], OFFERS_BYTES
    for offer, job in await store.held_offers(tx.session, row.id, tx.now, OFFERS):
        pending = outgoing.pending_of(offer, job)
        size = len(pending.model_dump_json().encode())
        if pending.exclusive or size <= left:
            held.append(pending)
            left -= size
    return held


async def offered_alone(tx: Transaction, among: Collection[str]) -> frozenset[str]:
    """Which of these drivers have a live offer before them alone."""
    live = col(OfferRow.exclusive), col(OfferRow.state) == OfferState.pending.value
    held = select(col(OfferRow.driver_id)).where(*live, col(OfferRow.driver_id).in_(among))
    return frozenset(await tx.session.scalars(held))


async def _lock(tx: Transaction, driver_id: str) -> DriverRow:
    row = await store.lock_driver(tx.session, driver_id)
    if row is None:
        raise not_found("driver")
    return row


async def set_approved(tx: Transaction, driver_id: str, *, approved: bool) -> DriverRow:
    """By an admin. A suspended driver keeps its job under way and gets no other."""
    row = await _lock(tx, driver_id)
    decide = availability.approve if approved else availability.suspend
    _apply(tx, row, decide(_availability_of(row)))
    return row


async def go_online(tx: Transaction, wish: GoOnline, patience: Patience) -> DriverRow:
    """Can be offered jobs from now on (C2). ProblemError 403 for a driver who is not approved."""
    row = await store.lock_driver(tx.session, wish.driver_id)
    state = _availability_of(row) if row else Availability(approved=False)
    decided = availability.go_online(state, wish.edge_id, tx.now, patience)
    if row is None or isinstance(decided, Rejection):
        raise ProblemError("not_approved", "Driver is not approved", 403)
    row.vehicle_id = wish.vehicle_id or row.vehicle_id
    if not _apply(tx, row, decided):
        # Said again though nothing changed: a replica that missed it puts the driver on its map.
        tx.emit(outgoing.status_of(row))
    return row


async def go_offline(tx: Transaction, driver_id: str) -> DriverRow:
    """Is offered nothing from now on (C2); a job under way stays."""
    row = await _lock(tx, driver_id)
    _apply(tx, row, availability.go_offline(_availability_of(row)))
    return row


async def lost_contact(tx: Transaction, event: DriverDisconnected, patience: Patience) -> None:
    """Its last socket on an edge closed (C5). Perhaps it has one on another, or soon will."""
    row = await store.lock_driver(tx.session, event.driver_id)
    if row:
        state = _availability_of(row)
        _apply(tx, row, availability.lost_contact(state, event.disconnected_at, tx.now, patience, new_id))


def abandoned(tx: Transaction, row: DriverRow, since: datetime, patience: Patience) -> None:
    """The edge that it was on is gone (C5), missed `since` then. `row` is locked."""
    state = _availability_of(row)
    at = max(since, state.contact_at or since)  # whatever it said through that edge came before its end
    _apply(tx, row, availability.lost_contact(state, at, tx.now, patience, new_id))


async def back_in_contact(
    tx: Transaction, driver_id: str, grace_id: UUID, edge: str, seen_at: datetime
) -> None:
    """`edge` has a socket of it (C5)."""
    row = await _lock(tx, driver_id)
    _apply(tx, row, availability.back_in_contact(_availability_of(row), grace_id, edge, seen_at))


async def grace_over(tx: Transaction, driver_id: str, grace_id: UUID) -> bool:
    """No edge has a socket of it (C5). Whether it is offline with this."""
    row = await _lock(tx, driver_id)
    return _apply(tx, row, availability.grace_over(_availability_of(row), grace_id, tx.now))


def silent(tx: Transaction, row: DriverRow, heard_at: datetime, patience: Patience) -> bool:
    """Its deadline for a word has come (C4). Whether it is offline with this. `row` is locked."""
    return _apply(tx, row, availability.silent(_availability_of(row), heard_at, tx.now, patience))


def _availability_of(row: DriverRow) -> Availability:
    grace = Grace(row.grace_id, row.grace_until) if row.grace_id and row.grace_until else None
    return Availability(row.approved, row.online, row.edge, row.contact_at, row.silent_at, grace)


def _apply(tx: Transaction, row: DriverRow, change: Change) -> bool:
    """Write what was decided, and tell. Whether others see the driver differently now."""
    after, before = change.after, row.version
    row.approved, row.online, row.edge = after.approved, after.online, after.edge
    row.contact_at, row.silent_at = after.contact_at, after.silent_at
    row.grace_id, row.grace_until = (after.grace.id, after.grace.until) if after.grace else (None, None)
    for happened in change.happened:
        match happened:
            case GraceBegan(grace):
                tx.schedule(Schedule(GRACE, grace.id, grace.until))
            case GraceEnded(grace):
                tx.cancel(Cancellation(GRACE, grace.id))
            case WentOffline(reason):
                row.version += 1
                announce(tx, row, reason.value)
            case WentOnline() | StandingChanged():
                row.version += 1
                row.idle_since = tx.now
                announce(tx, row)
    return row.version > before


def announce(tx: Transaction, row: DriverRow, reason: str | None = None) -> None:
    """A new version of a driver: told to every map, and kept for whoever asks why (A12)."""
    tx.emit(outgoing.status_of(row).model_copy(update={"reason": reason}))
    decisions.remember(tx, row)


class DriverAnswer(Profile):
    """A driver as admins and the driver itself see it."""

    id: str
    is_operator: bool
    approved: bool
    state: str
    active_job_id: UUID | None
    rating: float | None
    completed_jobs: int
    acceptance_rate: float | None


def acceptance_rate(row: DriverRow) -> float | None:
    """The share of its offers that it took; None before the first was answered or lapsed (A14)."""
    answered = row.offers_taken + row.offers_lost
    return row.offers_taken / answered if answered else None


def answer_of(row: DriverRow) -> DriverAnswer:
    """The row without what is only ours."""
    shown = row.model_dump(include=set(DriverAnswer.model_fields))
    return DriverAnswer(
        **shown,
        state=outgoing.state_of(row).value,
        active_job_id=row.active_job,
        acceptance_rate=acceptance_rate(row),
    )
