"""What a socket gets back without asking, right after it connected (C7): its rooms, and the present state.

The connection does not wait for it: when a service does not answer, it is asked again and again.
"""

import asyncio

import stamina
import structlog

from contracts.models import Job, Role
from contracts.requests import DriverView, ListOpenBookings, ViewDriver
from realtime import rooms
from realtime.edge import Edge, Session
from realtime.words import Payload, booking_details, pending_offer
from wire.problem import ProblemError
from wire.rpc import request

log = structlog.get_logger()

NEWER_TRIES = 3
"""How often something is read again because an event has told something newer meanwhile."""


def restore(edge: Edge, session: Session) -> None:
    """Start it; it ends with the socket, if not before."""
    task = asyncio.create_task(_unless_refused(edge, session))
    session.tasks.add(task)
    task.add_done_callback(session.tasks.discard)


async def _unless_refused(edge: Edge, session: Session) -> None:
    try:
        async for attempt in stamina.retry_context(on=_is_passing, attempts=None, timeout=None, wait_max=15):
            with attempt:
                await _restore(edge, session)
    except ProblemError as refusal:
        log.info("restore.refused", code=refusal.problem.code)


def _is_passing(error: Exception) -> bool:
    return isinstance(error, ProblemError) and error.problem.status == 503  # noqa: PLR2004


async def _restore(edge: Edge, session: Session) -> None:
    if session.identity.role is Role.admin:
        if session.pid:  # for the offset: what comes later can be asked for by it
            await edge.tell(session.socket, "booking:snapshot", {"bookings": []})
        return
    view = await enter_feed(edge, session) if session.identity.role is Role.pilot else None
    jobs = await enter_bookings(edge, session)
    snapshot: Payload = {"bookings": [booking_details(job) for job in jobs]}
    if session.identity.role is Role.pilot:
        offers = view.offers if view else []
        snapshot["offers"] = [pending_offer(offer) for offer in offers if offer.exclusive]
        snapshot["jobs"] = [pending_offer(offer) for offer in offers if not offer.exclusive]
    await edge.tell(session.socket, "booking:snapshot", snapshot)


async def enter_bookings(edge: Edge, session: Session) -> list[Job]:
    """Into the rooms of its open bookings, which are returned; ProblemError."""
    for _ in range(NEWER_TRIES):
        jobs = (await request(edge.nc, ListOpenBookings(identity=session.identity))).jobs
        for job in jobs:
            await edge.members.enter(session.socket, rooms.booking(job.id))
        if not any(edge.is_behind(job) for job in jobs):
            break
    return jobs


async def enter_feed(edge: Edge, session: Session) -> DriverView | None:
    """A driver that is online, into the feed's room. None if it is not registered yet. ProblemError 503."""
    driver = edge.drivers[session.identity.subject]
    view = None
    for _ in range(NEWER_TRIES):
        before = driver.changes
        try:
            view = await request(edge.nc, ViewDriver(driver_id=session.identity.subject))
        except ProblemError as refusal:
            if _is_passing(refusal):
                raise
            return None
        if driver.changes == before:
            driver.learn(view)
            break
    if driver.online:
        await edge.members.enter(session.socket, rooms.ONLINE_DRIVERS)
    return view
