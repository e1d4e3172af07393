"""What is said about one booking, by those whom it concerns (C6, B10, B11)."""

from typing import Any

from pydantic import Field

from contracts.models import Job, JobStatus
from contracts.requests import CancelBooking, RetryBooking, ViewBooking
from realtime import rooms
from realtime.commands.payload import BookingRef
from realtime.edge import Edge, Session
from realtime.followed import follow, unfollow
from realtime.restore import NEWER_TRIES
from realtime.words import booking_details
from wire.problem import ProblemError
from wire.rpc import request

TOO_MANY = "ERR_1003"
OVER = {JobStatus.completed, JobStatus.cancelled}
SERVICE_AWAY = 500
"""From this HTTP status on a problem says nothing about who may see what."""


class Cancellation(BookingRef):
    """B11"""

    reason: str | None = Field(default=None, max_length=500)


def _count(edge: Edge, session: Session) -> None:
    if not session.subscribes.take():
        most = edge.settings.subscribes_per_minute
        raise ProblemError(TOO_MANY, f"At most {most} booking subscriptions a minute", 429)


async def subscribe(edge: Edge, session: Session, said: BookingRef) -> dict[str, Any]:
    """C6: follow a booking. Answers its present state, read after the room was joined.

    Nothing more is told of one that is over, so nobody is left in its room.
    """
    _count(edge, session)
    room = rooms.booking(said.booking_id).name
    was_inside = room in edge.members.rooms_of(session.socket)
    question = ViewBooking(identity=session.identity, booking_id=said.booking_id)
    await request(edge.nc, question)  # raises unless it may be seen
    await edge.members.enter(session.socket, rooms.booking(said.booking_id))
    try:
        job = (await request(edge.nc, question)).job
        if job.status not in OVER:
            await follow(edge, session, str(said.booking_id))
            job = await _newest(edge, question, job)
    except ProblemError as refusal:
        if not was_inside or refusal.problem.status < SERVICE_AWAY:
            await edge.members.leave(session.socket, room)
        raise
    if job.status in OVER:
        await edge.members.leave(session.socket, room)
        await unfollow(edge, session, str(said.booking_id))
    edge.recovery.knows(session.socket, job.id, job.version)
    return {"booking": booking_details(job)}


async def _newest(edge: Edge, question: ViewBooking, job: Job) -> Job:
    """As it is; read again if sockets here were told something newer since."""
    for _ in range(NEWER_TRIES):
        if not edge.is_behind(job):
            break
        job = (await request(edge.nc, question)).job
    return job


async def unsubscribe(edge: Edge, session: Session, said: BookingRef) -> dict[str, Any]:
    """C6"""
    _count(edge, session)
    await edge.members.leave(session.socket, rooms.booking(said.booking_id).name)
    await unfollow(edge, session, str(said.booking_id))
    return {"bookingId": str(said.booking_id)}


async def cancel(edge: Edge, session: Session, said: Cancellation) -> dict[str, Any]:
    """B11"""
    question = CancelBooking(identity=session.identity, booking_id=said.booking_id, reason=said.reason)
    view = await request(edge.nc, question)
    return {"booking": booking_details(view.job)}


async def retry(edge: Edge, session: Session, said: BookingRef) -> dict[str, Any]:
    """B10"""
    view = await request(edge.nc, RetryBooking(identity=session.identity, booking_id=said.booking_id))
    return {"booking": booking_details(view.job)}
