"""A socket comes and goes (C1)."""

import asyncio
from datetime import UTC, datetime

import structlog

from contracts.models import Role
from realtime import rooms
from realtime.drivers import DriverHere
from realtime.edge import Edge, Session
from realtime.engine import Handshake, Welcome
from realtime.limits import Bucket, Window
from realtime.metrics import REFUSED, SOCKETS
from realtime.restore import restore
from wire.identity import Verified, verify
from wire.problem import ProblemError

log = structlog.get_logger()

MINUTE = 60.0


async def connect(edge: Edge, socket: str, handshake: Handshake) -> Welcome:
    """Let a socket in: `auth.token` is verified, and whatever concerns its person comes here from now on.

    ProblemError 401 `token_missing`, `token_invalid`, `token_expired`; 503 `unavailable`.
    """
    try:
        verified = _verified(edge, handshake.auth)
        session = _session(edge, socket, verified)
        await _admit(edge, session)
    except ProblemError as refusal:
        REFUSED.labels(refusal.problem.code).inc()
        raise
    seconds_left = (verified.expires_at - datetime.now(UTC)).total_seconds()
    loop = asyncio.get_running_loop()
    session.expiry = loop.call_later(max(0.0, seconds_left), edge.engine.disconnect, socket)
    SOCKETS.labels(session.identity.role).inc()
    restore(edge, session)
    return Welcome()


async def disconnect(edge: Edge, socket: str) -> None:
    """Forget a socket that is gone."""
    session = edge.sessions.get(socket)
    if session is None:
        return
    SOCKETS.labels(session.identity.role).dec()
    await _forget(edge, session)


def _verified(edge: Edge, auth: object) -> Verified:
    token = auth.get("token") if isinstance(auth, dict) else None
    if token is not None and not isinstance(token, str):
        raise ProblemError("token_invalid", "The token must be a text", 401)
    return verify(token, edge.settings)


def _session(edge: Edge, socket: str, verified: Verified) -> Session:
    settings = edge.settings
    return Session(
        socket,
        verified.identity,
        Bucket(settings.events_per_second),
        Window(settings.subscribes_per_minute, MINUTE),
    )


async def _admit(edge: Edge, session: Session) -> None:
    identity = session.identity
    edge.sessions[session.socket] = session
    edge.members.admit(session.socket)
    if identity.role is Role.pilot:
        edge.drivers.setdefault(identity.subject, DriverHere())
    try:
        await edge.members.enter(session.socket, rooms.personal(identity))
    except BaseException:
        await _forget(edge, session)
        raise


async def _forget(edge: Edge, session: Session) -> None:
    edge.sessions.pop(session.socket, None)
    if session.expiry:
        session.expiry.cancel()
    for task in session.tasks:
        task.cancel()
    await edge.members.leave_all(session.socket)
    identity = session.identity
    gone = identity.role is Role.pilot and not edge.members.inside([rooms.personal(identity).name])
    if (
        gone and edge.drivers.pop(identity.subject, None) is not None
    ):  # told once, though two sockets close together
        edge.departures.add(identity.subject)
