"""`pilot:location`, the hottest event: no task, no model, no wait (C3)."""

from realtime.edge import Edge
from realtime.engine import Ack
from realtime.incoming import COMMANDS, end_flood, refused
from realtime.metrics import EVENTS_IN
from realtime.tracking import Position, publish

NAME = "pilot:location"

_USED = EVENTS_IN.labels(NAME, "ok")
_DROPPED = EVENTS_IN.labels(NAME, "dropped")


def located(edge: Edge, socket: str, position: Position) -> Ack:
    """Where a driver is. The same answers as any other event would get."""
    session = edge.sessions[socket]
    if not session.events.take():
        end_flood(edge, session)
        return _count(refused("ERR_RATE", "Too many events; slow down"))
    if session.identity.role not in COMMANDS[NAME].roles:
        return _count(refused("forbidden", f"Not for the role {session.identity.role}"))
    if publish(edge, session.identity.subject, position):
        _USED.inc()
        return {"ok": True}
    _DROPPED.inc()
    return {"ok": True, "dropped": True}


def _count(answer: Ack) -> Ack:
    EVENTS_IN.labels(NAME, answer["error"]["code"]).inc()
    return answer
