"""Matching's routes for jobs and service types. Drivers have theirs in `http_drivers`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from contracts.explained import DispatchView
from contracts.models import Job, JobStatus, Role
from contracts.requests import Acceptance, Declined, ViewDispatch
from matching import commands, drivers, explain, service_types
from matching.asking import Reach
from matching.service_types import RulesBody, ServiceTypeRow, body_of
from wire.http import Caller
from wire.problem import forbidden, not_found
from wire.sql import Database

TypeName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,49}$")]


class Feed(BaseModel):
    items: list[Job]


class NamedType(BaseModel):
    """A service type as everybody may know it."""

    name: str


class NamedRules(RulesBody):
    """A service type as admins know it."""

    name: str


class ServiceTypeList(BaseModel):
    items: list[NamedRules] | list[NamedType]


def only(role: Role, caller: Caller) -> str:
    """The caller's id, if it has the role; 403 otherwise."""
    if caller.role is not role:
        raise forbidden(f"Only for {role}s")
    return caller.subject


def job_routes(database: Database, reach: Reach) -> APIRouter:
    """Feed, accept, decline, and how a job was dispatched."""
    router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

    @router.get("/available")
    async def available(caller: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Feed:
        """Open broadcast jobs in the driver's reach, nearest first (A9)."""
        driver_id = only(Role.pilot, caller)
        async with database.transaction() as tx:
            driver = await drivers.find(tx, driver_id)
        rows = await commands.open_in_reach(database, reach, driver)
        # Whom the customer would have liked best is nobody else's business.
        jobs = (Job.model_validate(row.job) for row in rows[:limit])
        return Feed(items=[job.model_copy(update={"requested_driver_id": None}) for job in jobs])

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
        await commands.decline(database, reach, driver_id, job_id)
        return Declined(job_id=job_id, driver_id=driver_id)

    @router.get("/{job_id}/dispatch")
    async def dispatch(job_id: UUID, caller: Caller, driver_id: str | None = None) -> DispatchView:
        """Who was asked, in which order, who was not, and why (A12); of one driver, if named. Admins only."""
        only(Role.admin, caller)
        async with database.transaction() as tx:
            told = await explain.dispatch(
                tx, reach.whereabouts, ViewDispatch(job_id=job_id, driver_id=driver_id)
            )
        if not told.attempts:
            raise not_found("job")
        return told

    return router


def service_type_routes(database: Database) -> APIRouter:
    """Settings of the service types; changes apply to searches that begin after them."""
    router = APIRouter(prefix="/v1/service-types", tags=["service types"])

    @router.get("")
    async def every(caller: Caller) -> ServiceTypeList:
        """All service types, by name: what can be ordered. How each is dispatched and told is for admins."""
        async with database.transaction() as tx:
            rows = await service_types.every_one(tx.session)
        if caller.role is not Role.admin:
            return ServiceTypeList(items=[NamedType(name=row.name) for row in rows])
        return ServiceTypeList(items=[NamedRules(name=row.name, **dict(body_of(row))) for row in rows])

    @router.get("/{name}")
    async def one(name: str, caller: Caller) -> RulesBody:
        """One service type's rules and wording."""
        only(Role.admin, caller)
        async with database.transaction() as tx:
            row = await tx.session.get(ServiceTypeRow, name)
        if row is None:
            raise not_found("service type")
        return body_of(row)

    @router.put("/{name}")
    async def put(name: TypeName, body: RulesBody, caller: Caller) -> RulesBody:
        """Set a service type's rules and wording, both anew."""
        only(Role.admin, caller)
        async with database.transaction() as tx:
            await service_types.put(tx, name, body)
        return body

    return router
