"""A socket comes and goes (C1)."""

import structlog

from contracts.models import Role
from realtime import rooms
from realtime.drivers import DriverHere
from realtime.edge import Edge, Session
from realtime.engine import Handshake, Welcome
from realtime.lifetime import rest_on
from realtime.limits import Bucket, Window
from realtime.metrics import REFUSED, SOCKETS
from realtime.restore import restore
from realtime.resume import resume, wished
from wire.identity import Verified
from wire.problem import ProblemError

log = structlog.get_logger()

MINUTE = 60.0


async def connect(edge: Edge, socket: str, handshake: Handshake) -> Welcome:
    """Let a socket in: `auth.token` is verified, and whatever concerns its person comes here from now on.

    ProblemError 401 `token_missing`, `token_invalid`, `token_expired`, `token_revoked`; 429
    `too_many_sockets`; 503 `unavailable`.
    """
    try:
        verified = await _verified(edge, handshake.auth)
        _check_room_for(edge, verified)
        session = _session(edge, socket, verified)
        knows_all = await _let_in(edge, session, handshake)
    except ProblemError as refusal:
        REFUSED.labels(refusal.problem.code).inc()
        raise
    rest_on(edge, session, verified)
    SOCKETS.labels(session.identity.role).inc()
    if not knows_all:
        restore(edge, session)
    return Welcome(session.pid)


async def disconnect(edge: Edge, socket: str) -> None:
    """Forget a socket that is gone."""
    session = edge.sessions.get(socket)
    if session is None:
        return
    SOCKETS.labels(session.identity.role).dec()
    await _forget(edge, session)


def _check_room_for(edge: Edge, verified: Verified) -> None:
    here = edge.members.inside([rooms.personal(verified.identity).name])
    if len(here) >= edge.settings.max_sockets_per_user:
        raise ProblemError("too_many_sockets", "Too many connections of this person", 429)


async def _verified(edge: Edge, auth: object) -> Verified:
    token = auth.get("token") if isinstance(auth, dict) else None
    if token is not None and not isinstance(token, str):
        raise ProblemError("token_invalid", "The token must be a text", 401)
    return await edge.verifier.verify(token)


def _session(edge: Edge, socket: str, verified: Verified) -> Session:
    settings = edge.settings
    return Session(
        socket,
        verified.identity,
        Bucket(settings.events_per_second),
        Window(settings.subscribes_per_minute, MINUTE),
        issued_at=verified.issued_at,
    )


async def _let_in(edge: Edge, session: Session, handshake: Handshake) -> bool:
    """Whether it knows all that it must; else it needs a snapshot."""
    wish = wished(handshake.auth)
    if wish is None:
        await _admit(edge, session)
        return False
    try:
        return await resume(edge, session, wish, _admit)
    except BaseException:
        await _forget(edge, session)
        raise


async def _admit(edge: Edge, session: Session) -> None:
    identity = session.identity
    edge.sessions[session.socket] = session
    edge.members.admit(session.socket)
    if identity.role is Role.pilot:
        edge.drivers.setdefault(identity.subject, DriverHere())
    try:
        await edge.members.enter(session.socket, rooms.personal(identity))
        edge.revocations.refuse(identity, session.issued_at)  # it may have been revoked meanwhile
    except BaseException:
        await _forget(edge, session)
        raise


async def _forget(edge: Edge, session: Session) -> None:
    edge.sessions.pop(session.socket, None)
    edge.recovery.forget(session.socket)
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
