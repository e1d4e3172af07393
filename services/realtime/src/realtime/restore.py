"""What a socket gets without asking: right after it connected its rooms and the present state (C7), and later
the rooms of the bookings that its customer orders.

The connection does not wait for it: when a service does not answer, it is asked again and again.
"""

import asyncio
from collections.abc import Coroutine

import stamina
import structlog

from contracts.events import JobCreated
from contracts.models import Job, Role
from contracts.requests import DriverView, ListOpenBookings, ViewDriver
from realtime import audience, rooms
from realtime.edge import Edge, Session
from realtime.words import Payload, booking_details, pending_offer
from wire.problem import ProblemError
from wire.rpc import request

log = structlog.get_logger()

NEWER_TRIES = 3
"""How often something is read again because an event has told something newer meanwhile."""
MOST_ROOMS = 100
"""Of a socket, past which it enters those of new bookings only if it asks to."""


def restore(edge: Edge, session: Session) -> None:
    """Start it; it ends with the socket, if not before."""
    _start(session, _unless_refused(edge, session))


def enter_ordered(edge: Edge, event: JobCreated) -> None:
    """A customer's sockets hear of its new booking what they would if they connected only now (C3, A8).

    They are in the room at once, so that no event after this one passes them by. One that comes after its
    successors says nothing of the present: that is asked for.
    """
    for socket in edge.members.inside([audience.customer(event)]):
        session = edge.sessions.get(socket)
        if session is None or len(edge.members.rooms_of(socket)) >= MOST_ROOMS:
            continue
        if edge.is_behind(event.job):
            restore(edge, session)
        else:
            entering = edge.members.enter(socket, rooms.booking(event.job_id))
            _start(session, _or_restore(edge, session, entering))


async def _or_restore(edge: Edge, session: Session, entering: Coroutine[None, None, None]) -> None:
    try:
        await entering
    except ProblemError:
        restore(edge, session)


def _start(session: Session, work: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(work)
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
    for job in jobs:
        edge.recovery.knows(session.socket, job.id, job.version)
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
