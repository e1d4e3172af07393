"""What an admin asks to hear (C9)."""

from typing import Any

from realtime import dashboard_feed, rooms
from realtime.commands.payload import Nothing
from realtime.edge import Edge, Session
from realtime.followed import follow, unfollow


async def subscribe(edge: Edge, session: Session, _said: Nothing) -> dict[str, Any]:
    """The dashboard's figures, now and whenever they change."""
    await edge.members.enter(session.socket, rooms.DASHBOARD)
    await follow(edge, session, "dashboard")
    return {"stats": await dashboard_feed.greet(edge, session.socket)}


async def unsubscribe(edge: Edge, session: Session, _said: Nothing) -> dict[str, Any]:
    """No more of them."""
    await edge.members.leave(session.socket, rooms.DASHBOARD.name)
    await unfollow(edge, session, "dashboard")
    return {}


async def subscribe_assignments(edge: Edge, session: Session, _said: Nothing) -> dict[str, Any]:
    """The assignment events of A7, B7, B8 and B9."""
    await edge.members.enter(session.socket, rooms.ASSIGNMENTS)
    await follow(edge, session, "assignments")
    return {}


async def unsubscribe_assignments(edge: Edge, session: Session, _said: Nothing) -> dict[str, Any]:
    """No more of them."""
    await edge.members.leave(session.socket, rooms.ASSIGNMENTS.name)
    await unfollow(edge, session, "assignments")
    return {}
