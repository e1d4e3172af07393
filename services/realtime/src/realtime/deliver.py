"""From the bus to the sockets: each event once, in the order of the stream."""

import structlog
from msgspec import DecodeError
from nats.aio.msg import Msg
from opentelemetry import propagate
from pydantic import ValidationError

from contracts.events import (
    AssignmentReleased,
    DriverStatusChanged,
    Event,
    FeedClosed,
    JobCreated,
    JobEvent,
)
from realtime import audience, presence, rooms
from realtime.drivers import ends_job, observe
from realtime.edge import Edge
from realtime.emit import emit_event, emit_position
from realtime.mend import begin, mend
from realtime.metrics import UNREADABLE
from realtime.restore import enter_ordered
from realtime.tracking import decode_track
from wire import direct
from wire.envelope import UndecodableError, letter_id, unseal
from wire.telemetry import is_recorded, trace_id_in

log = structlog.get_logger()

LIVE_TRACKS = "tracking.live."
SEQUENCE = "Nats-Sequence"


async def deliver_arrivals(edge: Edge) -> None:
    """Run for ever. One after the other, so that a socket gets events in the order in which they came."""
    await begin(edge)
    while True:
        message = await edge.arrivals.take()
        if message is None:
            await mend(edge, deliver)
        else:
            await deliver(edge, message)


async def deliver(edge: Edge, message: Msg) -> None:
    """One message. What cannot be delivered is logged and counted; never raises."""
    trace_id = trace_id_in(message.headers)
    try:
        await _deliver(edge, message)
    except (UndecodableError, ValidationError, DecodeError) as error:
        UNREADABLE.inc()
        log.warning("bus.unreadable", subject=message.subject, reason=str(error)[:500], trace_id=trace_id)
    except Exception:
        log.exception("bus.undelivered", subject=message.subject, trace_id=trace_id)
    else:
        log.debug("bus.delivered", subject=message.subject, trace_id=trace_id)


async def _deliver(edge: Edge, message: Msg) -> None:
    if message.subject.startswith(LIVE_TRACKS):
        await emit_position(edge, decode_track(message.data))
    elif message.subject.startswith(presence.ABOUT_DRIVERS):
        await presence.answer_for_driver(edge, message)
    else:
        seq = direct.sequence(message) if SEQUENCE in (message.headers or {}) else None
        try:
            await _deliver_event(edge, message, seq)
        finally:
            if seq:  # only now: a client's offset must not say more than it was told
                edge.recovery.reach(seq)


async def _deliver_event(edge: Edge, message: Msg, seq: int | None) -> None:
    """Audiences come from who is here, not from the subscription that it came by.

    So the first copy of an event is enough, and every later one (another subscription's, or a letter that
    the outbox sent again) is dropped by its id, unread.
    """
    if letter_id(message.headers) in edge.delivered:
        return
    received = unseal(message.headers, message.data)
    edge.delivered[received.id] = True
    event = received.event
    if _is_stale(edge, event):
        return
    if isinstance(event, DriverStatusChanged):
        await presence.follow(edge, event)
    if isinstance(event, FeedClosed):
        edge.closed[event.job_id] = True
    observe(edge.drivers, event)
    context = propagate.extract(message.headers or {}) if is_recorded() else None  # else a tenth of the time
    await emit_event(edge, event, seq, received.time.timestamp(), context)
    if isinstance(event, JobCreated):
        enter_ordered(edge, event)
    await _close_rooms(edge, event)


def _is_stale(edge: Edge, event: Event) -> bool:
    """A swept letter may come after its successor; a screen must not go back to the older status."""
    if not isinstance(event, JobEvent):
        return False
    behind = edge.is_behind(event.job)
    if not behind:
        edge.versions[event.job_id] = event.job.version
    return behind and not isinstance(event, JobCreated)


async def _close_rooms(edge: Edge, event: Event) -> None:
    """Nobody stays in the room of a job that is over, nor a driver in that of a job it lost (C6)."""
    if ends_job(event) and isinstance(event, JobEvent):
        await edge.members.dissolve(audience.booking(event))
    elif isinstance(event, AssignmentReleased) and event.driver_id:
        for socket in edge.members.inside([rooms.driver_name(event.driver_id)]):
            await edge.members.leave(socket, audience.booking(event))
