"""What can be done with a driver: profile, standing, availability. Inside the caller's transaction."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from contracts.ids import MAX_SUBJECT_ID
from contracts.models import Text
from contracts.requests import GoOnline
from matching import outgoing, store
from matching.store import DriverRow
from wire.problem import ProblemError, conflict, not_found
from wire.sql import Transaction


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
    tx.emit(outgoing.status_of(row))
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
    tx.emit(outgoing.status_of(row))
    return row


async def find(tx: Transaction, driver_id: str) -> DriverRow:
    """ProblemError 404 when unknown."""
    row = await tx.session.get(DriverRow, driver_id)
    if row is None:
        raise not_found("driver")
    return row


async def _lock(tx: Transaction, driver_id: str) -> DriverRow:
    row = await store.lock_driver(tx.session, driver_id)
    if row is None:
        raise not_found("driver")
    return row


async def set_approved(tx: Transaction, driver_id: str, *, approved: bool) -> DriverRow:
    """By an admin. A suspended driver keeps its job under way and gets no other."""
    row = await _lock(tx, driver_id)
    if row.approved != approved:
        row.approved = approved
        row.version += 1
        tx.emit(outgoing.status_of(row))
    return row


async def go_online(tx: Transaction, wish: GoOnline) -> DriverRow:
    """Can be offered jobs from now on (C2). ProblemError 403 for a driver who is not approved."""
    row = await store.lock_driver(tx.session, wish.driver_id)
    if row is None or not row.approved:
        raise ProblemError("not_approved", "Driver is not approved", 403)
    row.vehicle_id = wish.vehicle_id or row.vehicle_id
    if not row.online:
        row.online = True
        row.version += 1
    # Said again even if it was online: a replica that missed it puts the driver on its map.
    tx.emit(outgoing.status_of(row))
    return row


async def go_offline(tx: Transaction, driver_id: str) -> DriverRow:
    """Is offered nothing from now on (C2); a job under way stays."""
    row = await _lock(tx, driver_id)
    if row.online:
        row.online = False
        row.version += 1
        tx.emit(outgoing.status_of(row))
    return row


class DriverAnswer(Profile):
    """A driver as admins and the driver itself see it."""

    id: str
    is_operator: bool
    approved: bool
    state: str
    active_job_id: UUID | None
    rating: float | None
    completed_jobs: int


def answer_of(row: DriverRow) -> DriverAnswer:
    """The row without what is only ours."""
    shown = row.model_dump(include=set(DriverAnswer.model_fields))
    return DriverAnswer(**shown, state=outgoing.state_of(row).value, active_job_id=row.active_job)
