"""How a driver was looked for: booking's own answer to who may know, matching's to what happened, push's to
whose phones were told.

They are asked over the bus between two transactions, never inside one.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from nats.aio.client import Client
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from booking import usecases
from booking.store import BookingRow
from contracts.explained import AttemptView, DispatchView, JobPushes, NotificationView
from contracts.models import Identity, JobStatus, Role
from contracts.requests import Problem, ViewDispatch, ViewPushes
from wire.problem import ProblemError, forbidden
from wire.rpc import request
from wire.sql import Database

SEARCHING = "searching"
NOT_FOUND = 404
PUSHES_SECONDS = 1.0
"""Longest that a dispatch view waits for push; without it the view is still worth having."""


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
    """Who was asked, who was told, who was not, and why (A12, E4). Admins only; with `driver_id`, about that
    one only. What push knows is missing when push is in trouble (A11)."""
    if caller.role is not Role.admin:
        raise forbidden("Only for admins")
    async with database.transaction() as tx:
        await usecases.view(tx, caller, booking_id)
    told, pushes = await asyncio.gather(
        _ask(nc, ViewDispatch(job_id=booking_id, driver_id=driver_id)),
        _pushes(nc, ViewPushes(job_id=booking_id, driver_id=driver_id)),
    )
    return with_pushes(told, pushes)


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


async def _pushes(nc: Client, question: ViewPushes) -> JobPushes | Problem:
    """What push tells; why not, when it does not within `PUSHES_SECONDS`."""
    try:
        return await request(nc, question, PUSHES_SECONDS)
    except ProblemError as refusal:
        return refusal.problem


def with_pushes(told: DispatchView, pushes: JobPushes | Problem) -> DispatchView:
    """Each offer with how its driver was told of it, and what else was told of the job beside them."""
    if isinstance(pushes, Problem):
        return told.model_copy(update={"pushes_refused": pushes.code})
    of_offers: dict[UUID, list[NotificationView]] = {
        offer.id: [] for attempt in told.attempts for offer in attempt.offers
    }
    besides: list[NotificationView] = []
    for one in pushes.notifications:
        (of_offers.get(one.offer_id, besides) if one.offer_id else besides).append(one)
    return told.model_copy(
        update={
            "attempts": [_with_pushes(attempt, of_offers) for attempt in told.attempts],
            "pushes": pushes.model_copy(update={"notifications": besides}),
        }
    )


def _with_pushes(attempt: AttemptView, of_offers: Mapping[UUID, list[NotificationView]]) -> AttemptView:
    offers = [offer.model_copy(update={"pushes": of_offers[offer.id]}) for offer in attempt.offers]
    return attempt.model_copy(update={"offers": offers})


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
