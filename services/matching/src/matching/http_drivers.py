"""Matching's routes for drivers."""

import time
from datetime import UTC, datetime

from cachetools import TTLCache
from fastapi import APIRouter
from nats.aio.client import Client
from pydantic import BaseModel, Field

from contracts.events import DriverLocated, JobTracked
from contracts.models import Latitude, Longitude, Role, Text
from contracts.requests import GoOnline
from contracts.subjects import live_track, recorded_track
from matching import commands, drivers
from matching.asking import Reach
from matching.drivers import DriverAnswer, NewDriver, Profile, answer_of
from matching.http import only
from matching.settings import Settings
from wire.http import Caller
from wire.problem import ProblemError
from wire.sql import Database


class Online(BaseModel):
    vehicle_id: Text | None = Field(default=None, max_length=100)
    lat: Latitude | None = None
    lng: Longitude | None = None


class Position(BaseModel):
    """Degrees (WGS 84); heading in degrees from north; speed in metres a second."""

    lat: Latitude
    lng: Longitude
    heading: float | None = Field(default=None, ge=0, le=360, allow_inf_nan=False)
    speed: float | None = Field(default=None, ge=0, le=150, allow_inf_nan=False)


class Used(BaseModel):
    """`used` is false for a position that came too soon after the last."""

    used: bool


def driver_routes(database: Database, reach: Reach, nc: Client, settings: Settings) -> APIRouter:
    """Registration and standing by admins; profile, availability and position by the driver."""
    router = APIRouter(prefix="/v1/drivers", tags=["drivers"])
    recent: TTLCache[str, float] = TTLCache(100_000, max(settings.location_seconds, 0.001), time.monotonic)

    @router.post("", status_code=201)
    async def register(body: NewDriver, caller: Caller) -> DriverAnswer:
        """Register a driver. Admins only."""
        only(Role.admin, caller)
        async with database.transaction() as tx:
            return answer_of(await drivers.register(tx, body))

    @router.put("/me")
    async def describe(body: Profile, caller: Caller) -> DriverAnswer:
        """The driver's own profile; a new driver awaits approval."""
        driver_id = only(Role.pilot, caller)
        async with database.transaction() as tx:
            return answer_of(await drivers.describe(tx, driver_id, body))

    @router.get("/me")
    async def mine(caller: Caller) -> DriverAnswer:
        """The driver's own profile, standing and availability."""
        driver_id = only(Role.pilot, caller)
        async with database.transaction() as tx:
            return answer_of(await drivers.find(tx, driver_id))

    @router.post("/me/online")
    async def online(body: Online, caller: Caller) -> DriverAnswer:
        """Can be offered jobs from now on (C2)."""
        wish = GoOnline(driver_id=only(Role.pilot, caller), **body.model_dump())
        return answer_of(await commands.go_online(database, reach, nc, wish, settings.patience))

    @router.post("/me/offline")
    async def offline(caller: Caller) -> DriverAnswer:
        """Is offered nothing from now on (C2)."""
        return answer_of(await commands.go_offline(database, reach, only(Role.pilot, caller)))

    @router.post("/me/location")
    async def locate(body: Position, caller: Caller) -> Used:
        """The driver's position, as the socket's `pilot:location` (A13, C3)."""
        driver_id = only(Role.pilot, caller)
        if driver_id in recent:
            return Used(used=False)
        async with database.transaction() as tx:
            row = await drivers.find(tx, driver_id)
        if not nc.is_connected:
            raise ProblemError("unavailable", "Positions cannot be passed on right now; try again", 503)
        if driver_id in recent:  # another came while this one looked who sends it
            return Used(used=False)
        recent[driver_id] = 0.0
        now = datetime.now(UTC)
        there = DriverLocated(driver_id=driver_id, **body.model_dump(), recorded_at=now)
        await commands.locate(nc, there)
        if row.active_job is not None:
            track = JobTracked(job_id=row.active_job, **there.model_dump()).model_dump_json().encode()
            await nc.publish(live_track(row.active_job), track)
            await nc.publish(recorded_track(row.active_job), track)
        return Used(used=True)

    @router.get("/{driver_id}")
    async def one(driver_id: str, caller: Caller) -> DriverAnswer:
        """Any driver. Admins only."""
        only(Role.admin, caller)
        async with database.transaction() as tx:
            return answer_of(await drivers.find(tx, driver_id))

    @router.post("/{driver_id}/approve")
    async def approve(driver_id: str, caller: Caller) -> DriverAnswer:
        """Let a driver take jobs. Admins only."""
        only(Role.admin, caller)
        async with database.transaction() as tx:
            return answer_of(await drivers.set_approved(tx, driver_id, approved=True))

    @router.post("/{driver_id}/suspend")
    async def suspend(driver_id: str, caller: Caller) -> DriverAnswer:
        """Let a driver take no further jobs. Admins only."""
        only(Role.admin, caller)
        return answer_of(await commands.suspend(database, reach, driver_id))

    return router
