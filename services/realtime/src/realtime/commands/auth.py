"""A new token for a session that goes on (C1)."""

from typing import Any

from realtime.commands.payload import Payload
from realtime.edge import Edge, Session
from realtime.lifetime import rest_on
from realtime.words import iso
from wire.problem import forbidden


class Renewal(Payload):
    """With or without `Bearer `, as in the CONNECT."""

    token: str


async def refresh(edge: Edge, session: Session, said: Renewal) -> dict[str, Any]:
    """The session goes on until this token ends. A refusal leaves it as it was."""
    verified = await edge.verifier.verify(said.token)
    new, old = verified.identity, session.identity
    if (new.subject, new.role) != (old.subject, old.role):
        raise forbidden("The token is another person's, or of another role")
    rest_on(edge, session, verified)
    return {"expiresAt": iso(verified.expires_at)}
