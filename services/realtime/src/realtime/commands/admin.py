"""What an admin asks to hear (C9)."""

from typing import Any

from realtime import rooms
from realtime.commands.payload import Nothing
from realtime.edge import Edge, Session


async def subscribe_assignments(edge: Edge, session: Session, _said: Nothing) -> dict[str, Any]:
    """The assignment events of A7, B7, B8 and B9."""
    await edge.members.enter(session.socket, rooms.ASSIGNMENTS)
    return {}


async def unsubscribe_assignments(edge: Edge, session: Session, _said: Nothing) -> dict[str, Any]:
    """No more of them."""
    await edge.members.leave(session.socket, rooms.ASSIGNMENTS.name)
    return {}
