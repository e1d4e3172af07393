"""What a socket gets back without asking, right after it connected (C7, first form).

Its open bookings' rooms and `booking:snapshot`; a driver also its availability and active job. The
connection does not wait for any of it: when a service does not answer, it is asked again and again.
"""

import asyncio
from collections.abc import Awaitable, Callable

import stamina
import structlog

from contracts.models import Role
from contracts.requests import ListOpenBookings, ViewDriver
from realtime import rooms
from realtime.edge import Edge, Session
from realtime.words import booking_details
from wire.problem import ProblemError
from wire.rpc import request

log = structlog.get_logger()

Work = Callable[[Edge, Session], Awaitable[None]]

NEWER_TRIES = 3
"""How often something is read again because an event has told something newer meanwhile."""


def restore(edge: Edge, session: Session) -> None:
    """Start it; it ends with the socket, if not before."""
    if session.identity.role is Role.admin:
        return
    _begin(edge, session, _bookings)
    if session.identity.role is Role.pilot:
        _begin(edge, session, _availability)


def _begin(edge: Edge, session: Session, work: Work) -> None:
    task = asyncio.create_task(_unless_refused(edge, session, work))
    session.tasks.add(task)
    task.add_done_callback(session.tasks.discard)


async def _unless_refused(edge: Edge, session: Session, work: Work) -> None:
    try:
        await work(edge, session)
    except ProblemError as refusal:  # for good: a driver that is not registered yet, for one
        log.info("restore.refused", code=refusal.problem.code)


def _is_passing(error: Exception) -> bool:
    return isinstance(error, ProblemError) and error.problem.status == 503  # noqa: PLR2004


async def _bookings(edge: Edge, session: Session) -> None:
    async for attempt in stamina.retry_context(on=_is_passing, attempts=None, timeout=None, wait_max=15):
        with attempt:
            for _ in range(NEWER_TRIES):
                jobs = (await request(edge.nc, ListOpenBookings(identity=session.identity))).jobs
                for job in jobs:
                    await edge.members.enter(session.socket, rooms.booking(job.id))
                if not any(edge.is_behind(job) for job in jobs):
                    break
            snapshot = {"bookings": [booking_details(job) for job in jobs]}
            await edge.tell(session.socket, "booking:snapshot", snapshot)


async def _availability(edge: Edge, session: Session) -> None:
    driver_id = session.identity.subject
    driver = edge.drivers[driver_id]
    async for attempt in stamina.retry_context(on=_is_passing, attempts=None, timeout=None, wait_max=15):
        with attempt:
            for _ in range(NEWER_TRIES):
                before = driver.changes
                view = await request(edge.nc, ViewDriver(driver_id=driver_id))
                if driver.changes == before:
                    driver.learn(view)
                    break
            if driver.online:
                await edge.members.enter(session.socket, rooms.ONLINE_DRIVERS)
