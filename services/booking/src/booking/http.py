"""Booking's routes."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from nats.aio.client import Client
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field

from booking import commands, dispatch, store, tracking, usecases
from booking.dispatch import SearchStatus
from booking.domain import UNDER_WAY
from booking.outgoing import job_of
from booking.service_types import ServiceTypes
from booking.settings import Settings
from booking.usecases import Order
from contracts.explained import DispatchView
from contracts.models import Job, JobStatus, Role, SubjectId, Text
from wire.http import Caller
from wire.problem import ProblemError
from wire.sql import Database


class Page(BaseModel):
    """Newest first. `next` goes into `before` for the page after this one."""

    items: list[Job]
    next: UUID | None


class Position(BaseModel):
    """Degrees (WGS 84); heading in degrees from north; speed in metres a second."""

    lat: float
    lng: float
    heading: float | None
    speed: float | None
    recorded_at: AwareDatetime


class Track(BaseModel):
    """Oldest first. `next` goes into `after` for the page after this one; null at the end, for now."""

    items: list[Position]
    next: AwareDatetime | None


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must be a time that there is in UTC") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Cancellation(BaseModel):
    reason: Text | None = Field(default=None, max_length=500)


class Step(BaseModel):
    status: JobStatus


def _listed(said: list[str]) -> list[str]:
    return [word for words in said for word in words.split(",")]


Statuses = Annotated[list[JobStatus] | None, BeforeValidator(_listed), Query()]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255)]


def routes(database: Database, nc: Client, settings: Settings) -> APIRouter:
    """Every route opens one transaction, and answers after its commit. `nc`: where matching is asked."""
    router = APIRouter(prefix="/v1/bookings", tags=["bookings"])
    service_types = ServiceTypes(nc, settings.service_types)

    @router.post("", status_code=201)
    async def order(
        body: Order, caller: Caller, response: Response, idempotency_key: IdempotencyKey = None
    ) -> Job:
        """Order a job. With an Idempotency-Key it is safe to repeat (B1, B15)."""
        if not await service_types.has(body.service_type):
            known = ", ".join(sorted(service_types.known))
            raise ProblemError("unknown_service_type", f"Known service types: {known}", 422)
        async with database.transaction() as tx:
            row, replayed = await usecases.place_order(tx, caller, body, idempotency_key)
            job = job_of(row)
        response.headers["Location"] = f"/v1/bookings/{job.id}"
        if replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return job

    @router.get("")
    async def mine(
        caller: Caller,
        status: Statuses = None,
        under_way: Annotated[bool, Query(alias="open")] = False,
        before: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> Page:
        """The caller's bookings; all of them for an admin, whose map shows the open ones (D3).

        `status`: only these, as a list with commas or said repeatedly. `open`: only those that a driver is
        looked for or is at work on."""
        wanted = {one.value for one in status or JobStatus}
        if under_way:
            wanted &= {one.value for one in UNDER_WAY}
        async with database.transaction() as tx:
            rows = await store.page(
                tx.session,
                customer=caller.subject if caller.role is Role.user else None,
                driver=caller.subject if caller.role is Role.pilot else None,
                statuses=wanted if status or under_way else None,
                before=before,
                limit=limit,
            )
        return Page(items=[job_of(row) for row in rows], next=rows[-1].id if len(rows) == limit else None)

    @router.get("/{booking_id}")
    async def one(booking_id: UUID, caller: Caller) -> Job:
        """One booking: its customer's, its driver's, or any for an admin; 404 for others (C6)."""
        return await commands.view(nc, database, caller, booking_id)

    @router.get("/{booking_id}/search")
    async def search(booking_id: UUID, caller: Caller) -> SearchStatus:
        """How the newest search for a driver stands (B12)."""
        return await dispatch.search_status(nc, database, caller, booking_id)

    @router.get("/{booking_id}/dispatch")
    async def dispatched(
        booking_id: UUID, caller: Caller, driver_id: Annotated[SubjectId | None, Query()] = None
    ) -> DispatchView:
        """Every search: who was asked and told, who was not, and why (A12); if wished, of one driver.

        Admins only."""
        return await dispatch.view(nc, database, caller, booking_id, driver_id)

    @router.get("/{booking_id}/track")
    async def track(
        booking_id: UUID,
        caller: Caller,
        after: Moment | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    ) -> Track:
        """Where its driver was while on it, for those who may see the booking (C11)."""
        async with database.transaction() as tx:
            await usecases.view(tx, caller, booking_id)
            rows = await tracking.page(tx.session, booking_id, after=after, limit=limit)
        items = [Position.model_validate(row, from_attributes=True) for row in rows]
        return Track(items=items, next=rows[-1].recorded_at if len(rows) == limit else None)

    @router.post("/{booking_id}/cancel")
    async def cancel(booking_id: UUID, caller: Caller, body: Cancellation | None = None) -> Job:
        """Cancel before completion (B11)."""
        return await commands.cancel(nc, database, caller, booking_id, body.reason if body else None)

    @router.post("/{booking_id}/retry")
    async def retry(booking_id: UUID, caller: Caller) -> Job:
        """Search again after a search that found nobody (B10)."""
        return await commands.retry(nc, database, caller, booking_id)

    @router.post("/{booking_id}/status")
    async def advance(booking_id: UUID, caller: Caller, body: Step) -> Job:
        """The driver's next step: en_route, arrived, in_progress, completed (C12)."""
        return await commands.advance(nc, database, caller, booking_id, body.status)

    return router
