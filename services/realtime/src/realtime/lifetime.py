"""How long a session lasts: as long as its token, which can be renewed, unless that is revoked (C1)."""

import asyncio
from datetime import UTC, datetime

import structlog

from contracts.events import IdentityRevoked
from realtime.edge import Edge, Session
from wire.identity import Verified

log = structlog.get_logger()

WHY = {"token_expired": "The token has expired", "token_revoked": "The token was revoked"}


def rest_on(edge: Edge, session: Session, proof: Verified) -> None:
    """From now on the session ends with this token, be that later or earlier than before.

    Nothing happens if the socket has gone.
    """
    if edge.sessions.get(session.socket) is not session:
        return
    if session.expiry:
        session.expiry.cancel()
    seconds_left = max(0.0, (proof.expires_at - datetime.now(UTC)).total_seconds())
    loop = asyncio.get_running_loop()
    session.issued_at = proof.issued_at
    session.expiry = loop.call_later(seconds_left, end, edge, session, "token_expired")
    if _is_void(edge, session, session.identity.subject):  # it was revoked while the session was being made
        end(edge, session, "token_revoked")


def end(edge: Edge, session: Session, code: str) -> None:
    """Tell the client why (`auth:ended`), then disconnect it."""
    task = asyncio.create_task(_end(edge, session.socket, code))
    session.tasks.add(task)
    task.add_done_callback(session.tasks.discard)


async def _end(edge: Edge, socket: str, code: str) -> None:
    try:
        await edge.tell(socket, "auth:ended", {"code": code, "message": WHY[code]})
    finally:
        edge.engine.disconnect(socket)


async def follow_revocations(edge: Edge) -> None:
    """Run for ever: end the sessions of those whose tokens are revoked."""

    def revoked(event: IdentityRevoked) -> None:
        ended = [one for one in edge.sessions.values() if _is_void(edge, one, event.subject_id)]
        for session in ended:
            end(edge, session, "token_revoked")
        if ended:
            log.info("sessions.revoked", subject=event.subject_id, sockets=len(ended))

    with edge.revocations.told_to(revoked):
        await edge.revocations.follow(edge.nc)


def _is_void(edge: Edge, session: Session, subject: str) -> bool:
    """One that is being let in just now has no expiry yet; `rest_on` looks at it again when it gets one."""
    identity = session.identity
    is_in = session.expiry is not None and identity.subject == subject
    return is_in and edge.revocations.covers(identity, session.issued_at)
