"""Push's routes: a caller's own devices, and what the caller was told."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from contracts.models import Role
from push import store, usecases
from push.notifier import Environment, Platform
from push.settings import Settings
from push.tables import NotificationRow
from push.wake import Wake
from wire.http import Caller
from wire.problem import ProblemError, not_found
from wire.sql import Database


class Registration(BaseModel):
    """`app` is the bundle id; without it, the drivers' app for a pilot and the customers' for others."""

    token: str
    platform: Platform = Platform.ios
    app: str | None = None
    environment: Environment = Environment.production


class Device(BaseModel):
    token: str
    platform: Platform
    app: str
    environment: Environment
    registered_at: datetime
    last_seen: datetime


class Devices(BaseModel):
    """Last seen first."""

    items: list[Device]


class TestPush(BaseModel):
    """How many devices it was queued for."""

    devices: int


class Told(BaseModel):
    """A notification as the apps show it (A4)."""

    id: UUID
    title: str
    body: str
    type: str
    data: dict[str, str]
    created_at: datetime
    read_at: datetime | None


class Page(BaseModel):
    """Newest first. `next` goes into `before` for the page after this one; `unread` counts all pages."""

    items: list[Told]
    next: UUID | None
    unread: int


class MarkedRead(BaseModel):
    """How many were unread."""

    marked: int


def routes(database: Database, settings: Settings, wake: Wake) -> APIRouter:
    """All for customers, drivers and admins alike, and only ever about the caller's own."""
    router = APIRouter(prefix="/v1")
    router.include_router(_devices(database, settings, wake))
    router.include_router(_notifications(database))
    return router


def _devices(database: Database, settings: Settings, wake: Wake) -> APIRouter:
    router = APIRouter(prefix="/devices", tags=["devices"])

    @router.post("", status_code=201, responses={200: {"model": Device}})
    async def register(body: Registration, caller: Caller, response: Response) -> Device:
        """Register this phone: the token becomes the caller's, whoever had it (A10). 200 for a phone that is
        the caller's already: it was seen again."""
        app = _app(settings, caller.role, body.app)
        device = usecases.Registration(body.token, body.platform, app, body.environment)
        async with database.transaction() as tx:
            row, new = await usecases.register(tx, caller, device)
        response.status_code = 201 if new else 200
        return Device.model_validate(row.model_dump())

    @router.get("")
    async def mine(caller: Caller) -> Devices:
        """The caller's devices."""
        async with database.transaction() as tx:
            rows = await store.devices_of(tx.session, caller.subject)
        return Devices(items=[Device.model_validate(row.model_dump()) for row in rows])

    @router.post("/test-push", status_code=202)
    async def test_push(caller: Caller) -> TestPush:
        """Push something to the caller's devices. Outside production only (A10)."""
        if settings.environment == "production":
            raise not_found("route in production")
        async with database.transaction() as tx:
            devices = await usecases.test_push(tx, caller)
        wake.set()
        return TestPush(devices=devices)

    @router.delete("/{token}", status_code=204)
    async def unregister(token: str, caller: Caller) -> None:
        """No more pushes to this phone (A10). 404 for a token that is not the caller's."""
        async with database.transaction() as tx:
            await usecases.unregister(tx, caller, token)

    return router


def _notifications(database: Database) -> APIRouter:
    router = APIRouter(prefix="/notifications", tags=["notifications"])

    @router.get("")
    async def mine(
        caller: Caller,
        before: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> Page:
        """What the caller was told (A4)."""
        async with database.transaction() as tx:
            rows, unread = await store.notifications_of(tx.session, caller.subject, before, limit)
        following = rows[-1].id if len(rows) == limit else None
        return Page(items=[_told(row) for row in rows], next=following, unread=unread)

    @router.post("/{notification_id}/read")
    async def read(notification_id: UUID, caller: Caller) -> Told:
        """Mark as read; again changes nothing. 404 for one that is not the caller's."""
        async with database.transaction() as tx:
            return _told(await usecases.read(tx, caller, notification_id))

    @router.post("/read-all")
    async def read_all(caller: Caller) -> MarkedRead:
        """Mark all of the caller's as read."""
        async with database.transaction() as tx:
            return MarkedRead(marked=await store.mark_all_read(tx.session, caller.subject, tx.now))

    return router


def _app(settings: Settings, role: Role, given: str | None) -> str:
    ours = settings.apns_customer_topic, settings.apns_driver_topic
    if given is None:
        return settings.apns_driver_topic if role is Role.pilot else settings.apns_customer_topic
    if given not in ours:
        raise ProblemError("unknown_app", "Known apps: " + ", ".join(ours), 422)
    return given


def _told(row: NotificationRow) -> Told:
    return Told(
        id=row.id,
        title=row.title,
        body=row.body,
        type=row.kind,
        data=row.data,
        created_at=row.created_at,
        read_at=row.read_at,
    )
