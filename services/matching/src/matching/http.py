"""Matching's routes for jobs and service types. Drivers have theirs in `http_drivers`."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from contracts.models import Job, JobStatus, Role
from contracts.requests import Acceptance, Declined
from matching import commands, drivers, service_types, store
from matching.service_types import ServiceTypeRow
from matching.states import Mode
from matching.supply import Supply
from wire.http import Caller
from wire.problem import forbidden, not_found
from wire.sql import Database

TypeName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,49}$")]


class Feed(BaseModel):
    items: list[Job]


class OfferTold(BaseModel):
    """One offer as it went."""

    id: UUID
    number: int
    driver_id: str
    state: str
    exclusive: bool
    created_at: datetime
    expires_at: datetime | None
    answered_at: datetime | None


class AttemptTold(BaseModel):
    """One search as it went."""

    attempt: int
    state: str
    mode: str
    failure: str | None
    driver_id: str | None
    started_at: datetime
    deadline: datetime | None
    ended_at: datetime | None
    offers: list[OfferTold]


class DispatchTold(BaseModel):
    """Every search of a job, oldest first (A12)."""

    job_id: UUID
    attempts: list[AttemptTold]


class RulesBody(BaseModel):
    """How a service type is dispatched: seconds and metres; null lives have no end (B14)."""

    mode: Mode
    offer_seconds: float | None = Field(default=30, gt=0, le=3600)
    search_seconds: float | None = Field(default=120, gt=0, le=86_400)
    max_tries: int = Field(default=10, ge=1, le=1000)
    radii_m: Annotated[list[Annotated[int, Field(ge=1, le=200_000)]], Field(min_length=1, max_length=10)] = [
        5_000,
        15_000,
    ]
    stale_seconds: float = Field(default=60, gt=0, le=3600)


def only(role: Role, caller: Caller) -> str:
    """The caller's id, if it has the role; 403 otherwise."""
    if caller.role is not role:
        raise forbidden(f"Only for {role}s")
    return caller.subject


def job_routes(database: Database, supply: Supply) -> APIRouter:
    """Feed, accept, decline, and how a job was dispatched."""
    router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

    @router.get("/available")
    async def available(caller: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Feed:
        """Open broadcast jobs in the driver's reach, nearest first (A9)."""
        driver_id = only(Role.pilot, caller)
        async with database.transaction() as tx:
            driver = await drivers.find(tx, driver_id)
        rows = await commands.open_in_reach(database, supply, driver)
        return Feed(items=[Job.model_validate(row.job) for row in rows[:limit]])

    @router.post("/{job_id}/accept")
    async def accept(job_id: UUID, caller: Caller) -> Acceptance:
        """Take a job. Exactly one driver succeeds; 409 for every other (A5)."""
        driver_id = only(Role.pilot, caller)
        await commands.accept(database, driver_id, job_id)
        return Acceptance(job_id=job_id, driver_id=driver_id, status=JobStatus.accepted)

    @router.post("/{job_id}/decline")
    async def decline(job_id: UUID, caller: Caller) -> Declined:
        """Say no to an offer; the next driver is asked at once (B5)."""
        driver_id = only(Role.pilot, caller)
        await commands.decline(database, supply, driver_id, job_id)
        return Declined(job_id=job_id, driver_id=driver_id)

    @router.get("/{job_id}/dispatch")
    async def dispatch(job_id: UUID, caller: Caller) -> DispatchTold:
        """Who was asked, in which order, and what became of it (A12). Admins only."""
        only(Role.admin, caller)
        async with database.transaction() as tx:
            searches = await store.searches_of(tx.session, job_id)
        if not searches:
            raise not_found("job")
        attempts = [
            AttemptTold(
                **row.model_dump(include=set(AttemptTold.model_fields)),
                offers=[OfferTold(**offer.model_dump()) for offer in offers],
            )
            for row, offers in searches
        ]
        return DispatchTold(job_id=job_id, attempts=attempts)

    return router


def service_type_routes(database: Database) -> APIRouter:
    """Settings of the service types; changes apply to searches that begin after them."""
    router = APIRouter(prefix="/v1/service-types", tags=["service types"])

    @router.get("")
    async def every(caller: Caller) -> dict[str, Any]:
        """All service types."""
        only(Role.admin, caller)
        async with database.transaction() as tx:
            rows = await service_types.every_one(tx.session)
        return {"items": [{"name": row.name, **row.rules} for row in rows]}

    @router.get("/{name}")
    async def one(name: str, caller: Caller) -> RulesBody:
        """One service type's rules."""
        only(Role.admin, caller)
        async with database.transaction() as tx:
            kept = await service_types.rules_of(tx.session, name)
        if kept is None:
            raise not_found("service type")
        return RulesBody.model_validate(kept)

    @router.put("/{name}")
    async def put(name: TypeName, body: RulesBody, caller: Caller) -> RulesBody:
        """Set a service type's rules."""
        only(Role.admin, caller)
        async with database.transaction() as tx:
            await tx.session.merge(ServiceTypeRow(name=name, rules=body.model_dump(mode="json")))
        return body

    return router
