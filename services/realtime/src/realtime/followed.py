"""What a client asked to follow, kept on the bus, so that any edge knows it when it comes back (C7)."""

from uuid import UUID

import nats.errors

from contracts.models import Role
from contracts.requests import ViewBooking
from contracts.sessions import SessionRooms
from contracts.streams import SESSIONS
from contracts.subjects import session_rooms
from realtime import rooms
from realtime.edge import Edge, Session
from wire import direct
from wire.problem import ProblemError
from wire.rpc import request

FOR_ADMINS = {"assignments": rooms.ASSIGNMENTS, "dashboard": rooms.DASHBOARD}
MOST = 100


async def follow(edge: Edge, session: Session, name: str) -> None:
    """It is in this room now because it asked. 503 if that could not be kept."""
    if name not in session.followed and len(session.followed) < MOST:
        session.followed.add(name)
        await _keep(edge, session)


async def unfollow(edge: Edge, session: Session, name: str) -> None:
    """It asked to be no longer."""
    if name in session.followed:
        session.followed.discard(name)
        await _keep(edge, session)


async def _keep(edge: Edge, session: Session) -> None:
    if session.pid is None:
        return
    body = SessionRooms(subject_id=session.identity.subject, rooms=sorted(session.followed))
    try:
        await edge.nc.jetstream().publish(session_rooms(session.pid), body.model_dump_json().encode())
    except (nats.errors.Error, TimeoutError) as error:
        raise ProblemError("unavailable", "Try again in a moment", 503) from error


async def enter_again(edge: Edge, session: Session, pid: str) -> bool:
    """Into the rooms that the client with this session id was in, where it still may. False: it was another
    person's. ProblemError 503; nats.errors.Error, TimeoutError."""
    for message in await direct.last_of(edge.nc, SESSIONS.name, [session_rooms(pid)]):
        kept = SessionRooms.model_validate_json(message.data)
        if kept.subject_id != session.identity.subject:
            return False
        session.followed.update([name for name in kept.rooms if await _enter(edge, session, name)])
    if session.followed and pid != session.pid:
        await _keep(edge, session)
    return True


async def _enter(edge: Edge, session: Session, name: str) -> bool:
    if room := FOR_ADMINS.get(name):
        if session.identity.role is Role.admin:
            await edge.members.enter(session.socket, room)
        return session.identity.role is Role.admin
    booking_id = UUID(name)
    try:
        await request(edge.nc, ViewBooking(identity=session.identity, booking_id=booking_id))
    except ProblemError as refusal:
        if refusal.problem.status >= 500:  # noqa: PLR2004
            raise
        return False
    await edge.members.enter(session.socket, rooms.booking(booking_id))
    return True
