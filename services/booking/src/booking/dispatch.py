"""How a driver was looked for: booking's own answer to who may know, matching's to what happened.

Matching is asked over the bus between two transactions, never inside one.
"""

from datetime import datetime
from uuid import UUID

from nats.aio.client import Client
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from booking import usecases
from booking.store import BookingRow
from contracts.models import Identity, JobStatus, Role
from contracts.requests import DispatchView, ViewDispatch
from wire.problem import ProblemError, forbidden
from wire.rpc import request
from wire.sql import Database

SEARCHING = "searching"
NOT_FOUND = 404


class SearchStatus(BaseModel):
    """The newest search, in the apps' words (B12).

    `status`: searching, assigned, failed, timed_out or cancelled. `triedPilots`: drivers that had an offer.
    `elapsedMs`: milliseconds since it began, or from its beginning to its end.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    is_searching: bool
    tried_pilots: int = Field(ge=0)
    status: str
    elapsed_ms: int = Field(ge=0)


async def view(
    nc: Client, database: Database, caller: Identity, booking_id: UUID, driver_id: str | None
) -> DispatchView:
    """Who was asked, who was not, and why (A12, E4). Admins only; with `driver_id`, about that one only."""
    if caller.role is not Role.admin:
        raise forbidden("Only for admins")
    async with database.transaction() as tx:
        await usecases.view(tx, caller, booking_id)
    return await _ask(nc, ViewDispatch(job_id=booking_id, driver_id=driver_id))


async def search_status(nc: Client, database: Database, caller: Identity, booking_id: UUID) -> SearchStatus:
    """How the newest search stands, to whoever may see the booking (B12)."""
    async with database.transaction() as tx:
        row, now = await usecases.view(tx, caller, booking_id), tx.now
    return status_of(row, await _ask(nc, ViewDispatch(job_id=booking_id, offers_only=True)), now)


async def _ask(nc: Client, question: ViewDispatch) -> DispatchView:
    """A job that matching has not heard of yet was not looked for. ProblemError 503 when matching is away."""
    try:
        return await request(nc, question)
    except ProblemError as refusal:
        if refusal.problem.status != NOT_FOUND:
            raise
        return DispatchView(job_id=question.job_id, attempts=[])


def status_of(row: BookingRow, told: DispatchView, now: datetime) -> SearchStatus:
    """What booking and matching know together: either may be a moment ahead of the other.

    A search that matching has not begun was asked for by the row's last change, if that left it pending.
    """
    search = next((one for one in told.attempts if one.attempt == row.attempt), None)
    status = search.state if search else SEARCHING
    if status == SEARCHING and row.status != JobStatus.pending:
        status = row.status  # cancelled, and matching has not heard of it
    begun = search.started_at if search else row.updated_at
    ended = search.ended_at if search else None
    until = ended or (now if status == SEARCHING else row.updated_at)
    return SearchStatus(
        is_searching=status == SEARCHING,
        tried_pilots=len({offer.driver_id for offer in search.offers}) if search else 0,
        status=status,
        elapsed_ms=max(0, round((until - begun).total_seconds() * 1000)),
    )
