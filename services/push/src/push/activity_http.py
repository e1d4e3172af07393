"""Push's routes for Live Activities: a booking's card on its customer's lock screen."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from nats.aio.client import Client
from pydantic import BaseModel

from contracts.models import Identity, Job
from contracts.requests import ViewBooking
from push import activity_usecases
from push.notifier import Environment, Platform
from push.settings import Settings
from push.signals import ActivitySignals
from push.usecases import device_token
from wire.http import Caller
from wire.problem import ProblemError
from wire.rpc import request
from wire.sql import Database


class Registration(BaseModel):
    """`app` is the bundle id; without it, the customers' app."""

    booking_id: UUID
    app: str | None = None
    environment: Environment = Environment.production


class LiveActivity(BaseModel):
    token: str
    booking_id: UUID
    app: str
    environment: Environment
    registered_at: datetime


def routes(nc: Client, database: Database, settings: Settings, signals: ActivitySignals) -> APIRouter:
    """For customers, about their own bookings."""
    router = APIRouter(prefix="/v1/devices/live-activities", tags=["live activities"])

    @router.put("/{token}")
    async def register(token: str, body: Registration, caller: Caller) -> LiveActivity:
        """Keep this Live Activity true to the booking. Its present state is sent at once; registering again
        sends it again. Of a booking, the last four are kept. 409 `booking_over`."""
        token = device_token(token, Platform.ios)
        card = activity_usecases.Registration(token, _app(settings, body.app), body.environment)
        job = await _view(nc, caller, body.booking_id)
        async with database.transaction() as tx:
            row = await activity_usecases.register(tx, caller, card, job)
        # What happened between the first look and the commit found no row: a second look sees it.
        job = await _view(nc, caller, body.booking_id)
        async with database.transaction() as tx:
            await activity_usecases.show(tx, job)
        signals.registered.set()
        signals.status.set()
        return LiveActivity(booking_id=row.job_id, **row.model_dump(include=set(LiveActivity.model_fields)))

    @router.delete("/{token}", status_code=204)
    async def unregister(token: str, caller: Caller) -> None:
        """Nothing more is sent to it. 404 for one that is not the caller's."""
        async with database.transaction() as tx:
            await activity_usecases.unregister(tx, caller, device_token(token, Platform.ios))

    return router


async def _view(nc: Client, caller: Identity, booking_id: UUID) -> Job:
    return (await request(nc, ViewBooking(identity=caller, booking_id=booking_id))).job


def _app(settings: Settings, given: str | None) -> str:
    if given not in (None, settings.apns_customer_topic):
        raise ProblemError("unknown_app", f"Known app: {settings.apns_customer_topic}", 422)
    return settings.apns_customer_topic
