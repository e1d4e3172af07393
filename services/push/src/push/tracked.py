"""The positions of drivers whose booking is on somebody's lock screen.

They come by core NATS, once a second and driver; each goes to one of the replicas, which keeps the newest and
writes it where one is due. One that is lost is worth nothing: the next follows.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from pydantic import ValidationError

from contracts.events import JobTracked
from contracts.subjects import live_track
from push import activities, activity_usecases
from push.activity import STALE_AFTER
from push.settings import Settings
from push.signals import ActivitySignals
from wire.sql import Database

log = structlog.get_logger()

QUEUE = "push-live-activities"
WRITE_EVERY = 0.5
"""Seconds between two writes of positions, all that are due in one transaction."""


class Tracks:
    """The newest position of each booking that is followed."""

    def __init__(self, nc: Client, database: Database, signals: ActivitySignals, settings: Settings) -> None:
        self._nc, self._database, self._signals, self._settings = nc, database, signals, settings
        self._throttle = timedelta(seconds=settings.live_activity_position_seconds)
        self._followed: dict[UUID, Subscription] = {}
        self._newest: dict[UUID, JobTracked] = {}
        self._arrived = asyncio.Event()

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._again_and_again(self._follow))
            group.create_task(self._again_and_again(self._write))

    async def _again_and_again(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except Exception as error:  # the database or NATS is away
                log.warning("live_activity.positions_waiting", error=repr(error))
                await asyncio.sleep(self._settings.push_poll_seconds)

    async def _follow(self) -> None:
        """Listen for the bookings that have cards now: looked up after a registration here, and now and then
        for those at other replicas."""
        self._signals.registered.clear()
        async with self._database.transaction() as tx:
            wanted = await activities.tracked_jobs(tx.session)
        for job_id in wanted - self._followed.keys():
            self._followed[job_id] = await self._nc.subscribe(live_track(job_id), QUEUE, self._take)
        for job_id in self._followed.keys() - wanted:
            self._newest.pop(job_id, None)
            await self._followed.pop(job_id).unsubscribe()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.live_activity_refresh_seconds):
                await self._signals.registered.wait()

    async def _take(self, message: Msg) -> None:
        try:
            track = JobTracked.model_validate_json(message.data)
        except ValidationError as error:
            log.warning("bus.unreadable", subject=message.subject, reason=str(error)[:500])
            return
        if track.job_id in self._followed:
            self._newest[track.job_id] = track
            self._arrived.set()

    async def _write(self) -> None:
        """What is not due yet stays, until a newer one comes or nobody wants to know it any more."""
        await self._arrived.wait()
        async with self._database.transaction() as tx:
            self._forget(tx.now - STALE_AFTER)
            moved = await activity_usecases.move(tx, dict(self._newest), self._throttle)
        if moved:
            self._signals.position.set()
        await asyncio.sleep(WRITE_EVERY)

    def _forget(self, before: datetime) -> None:
        self._newest = {job: track for job, track in self._newest.items() if track.recorded_at >= before}
        if not self._newest:
            self._arrived.clear()
