"""From the bus to the sockets: each event once, to everybody here whom it concerns."""

import time

import structlog
from nats.aio.msg import Msg
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from pydantic import ValidationError

from contracts.events import (
    AssignmentReleased,
    DriverStatusChanged,
    Event,
    JobCreated,
    JobEvent,
    JobTracked,
)
from realtime import audience, presence, rooms
from realtime.drivers import ends_job, observe
from realtime.edge import Edge
from realtime.metrics import EMIT_SECONDS, EVENTS_OUT, UNREADABLE
from realtime.outgoing import OUTGOING, Line
from wire.envelope import UndecodableError, unseal

log = structlog.get_logger()
tracer = trace.get_tracer("realtime")

LIVE_TRACKS = "tracking.live."


async def deliver_arrivals(edge: Edge) -> None:
    """Run for ever. One after the other, so that a socket gets events in the order in which they came."""
    while True:
        message = await edge.arrivals.get()
        try:
            await deliver(edge, message)
        except (UndecodableError, ValidationError) as error:
            UNREADABLE.inc()
            log.warning("bus.unreadable", subject=message.subject, reason=str(error)[:500])
        except Exception:
            log.exception("bus.undelivered", subject=message.subject)


async def deliver(edge: Edge, message: Msg) -> None:
    """One message. Audiences come from who is here, not from the subscription that it came by.

    So the first copy of an event is enough, and every later one (another subscription's, or a letter that
    the outbox sent again) is dropped by its id.
    """
    if message.subject.startswith(LIVE_TRACKS):
        track = JobTracked.model_validate_json(message.data)
        for line in OUTGOING[JobTracked]:
            await _emit(edge, line, track, track.recorded_at.timestamp())
        return
    if message.subject.startswith(presence.ABOUT_DRIVERS):
        await presence.answer_for_driver(edge, message)
        return
    received = unseal(message.headers, message.data)
    if received.id in edge.delivered:
        return
    edge.delivered[received.id] = True
    event, context = received.event, propagate.extract(message.headers or {})
    if _is_stale(edge, event):
        return
    if isinstance(event, DriverStatusChanged):
        await presence.follow(edge, event)
    observe(edge.drivers, event)
    for line in OUTGOING.get(type(event), ()):
        if line.when(event):
            await _emit(edge, line, event, received.time.timestamp(), context)
    await _close_rooms(edge, event)


def _is_stale(edge: Edge, event: Event) -> bool:
    """A swept letter may come after its successor; a screen must not go back to the older status."""
    if not isinstance(event, JobEvent):
        return False
    behind = edge.is_behind(event.job)
    if not behind:
        edge.versions[event.job_id] = event.job.version
    return behind and not isinstance(event, JobCreated)


async def _emit(
    edge: Edge, line: Line, event: Event | JobTracked, happened_at: float, context: Context | None = None
) -> None:
    names = [name for to in line.to if (name := to(event))]
    sockets = edge.members.inside(names)
    if not sockets:
        return
    if context is None:  # positions: too many to trace
        await edge.engine.emit(names, line.name, line.payload(event))
    else:
        with tracer.start_as_current_span(
            f"emit {line.name}",
            context=context,
            kind=trace.SpanKind.PRODUCER,
            attributes={"waggle.sockets": len(sockets)},
        ):
            await edge.engine.emit(names, line.name, line.payload(event))
    EVENTS_OUT.labels(line.name).inc(len(sockets))
    EMIT_SECONDS.labels(line.name).observe(max(0.0, time.time() - happened_at))


async def _close_rooms(edge: Edge, event: Event) -> None:
    """Nobody stays in the room of a job that is over, nor a driver in that of a job it lost (C6)."""
    if ends_job(event) and isinstance(event, JobEvent):
        await edge.members.dissolve(audience.booking(event))
    elif isinstance(event, AssignmentReleased) and event.driver_id:
        for socket in edge.members.inside([rooms.driver(event.driver_id).name]):
            await edge.members.leave(socket, audience.booking(event))
