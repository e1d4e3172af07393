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
        await _restore(edge, session)
    except ProblemError as refusal:
        if _is_passing(refusal):
            await _restore_later(edge, session)
        else:
            log.info("restore.refused", code=refusal.problem.code)


async def _restore_later(edge: Edge, session: Session) -> None:
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
    jobs: list[Job] = []
    for _ in range(NEWER_TRIES):
        before, entered = _changes(edge, session), jobs
        view = await enter_feed(edge, session) if session.identity.role is Role.pilot else None
        jobs = await enter_bookings(edge, session)
        await _leave_those_over(edge, session, entered, jobs)
        if _changes(edge, session) == before and not any(edge.is_behind(job) for job in jobs):
            break
    await edge.tell(session.socket, "booking:snapshot", _snapshot(edge, session, jobs, view))


async def _leave_those_over(edge: Edge, session: Session, entered: list[Job], jobs: list[Job]) -> None:
    """Bookings that ended while it entered their rooms."""
    still_open = {job.id for job in jobs}
    for job in entered:
        if job.id not in still_open:
            await edge.members.leave(session.socket, rooms.booking_name(job.id))


def _changes(edge: Edge, session: Session) -> int:
    """Moves when something was learnt of the driver that may not be in an answer that was on its way."""
    driver = edge.drivers.get(session.identity.subject)
    return driver.changes if driver and session.identity.role is Role.pilot else 0


def _snapshot(edge: Edge, session: Session, jobs: list[Job], view: DriverView | None) -> Payload:
    """`{bookings}`; of a driver also the `offers` that it holds and the open `jobs` that it was shown."""
    snapshot: Payload = {"bookings": [booking_details(job) for job in jobs]}
    if session.identity.role is Role.pilot:
        held = view.offers if view else []
        still_open = [offer for offer in held if offer.job.id not in edge.closed]
        snapshot["offers"] = [pending_offer(offer) for offer in still_open if offer.exclusive]
        snapshot["jobs"] = [pending_offer(offer) for offer in still_open if not offer.exclusive]
    return snapshot


async def enter_bookings(edge: Edge, session: Session) -> list[Job]:
    """Into the rooms of its open bookings, which are returned. ProblemError."""
    jobs = (await request(edge.nc, ListOpenBookings(identity=session.identity))).jobs
    for job in jobs:
        await edge.members.enter(session.socket, rooms.booking(job.id))
    return jobs


async def enter_feed(edge: Edge, session: Session) -> DriverView | None:
    """A driver that is online, into the feed's room. None if it is not registered yet. ProblemError 503."""
    view = await _ask(edge, session)
    feed = rooms.ONLINE_DRIVERS
    driver = edge.drivers[session.identity.subject]
    if view and driver.online and feed.name not in edge.members.rooms_of(session.socket):
        await edge.members.enter(session.socket, feed)
        return await _ask(edge, session)  # what has left the feed since is heard of
    return view


async def _ask(edge: Edge, session: Session) -> DriverView | None:
    driver = edge.drivers[session.identity.subject]
    before = driver.changes
    try:
        view = await request(edge.nc, ViewDriver(driver_id=session.identity.subject))
    except ProblemError as refusal:
        if _is_passing(refusal):
            raise
        return None
    if driver.changes == before:
        driver.learn(view)
    return view
