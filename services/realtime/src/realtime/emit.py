"""One event, said to everybody here whom it concerns, in the words of the table `outgoing`."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cache

from opentelemetry import trace
from opentelemetry.context import Context
from prometheus_client import Counter, Histogram

from contracts.events import Event, JobTracked
from realtime import rooms
from realtime.edge import Edge
from realtime.metrics import EMIT_SECONDS, EVENTS_OUT
from realtime.outgoing import OUTGOING, Line
from realtime.recovery import Told, version_in
from realtime.tracking import Track

tracer = trace.get_tracer("realtime")


def lines(event: Event) -> Iterator[tuple[Line, list[str]]]:
    """What is said about it, and in which rooms."""
    for line in OUTGOING.get(type(event), ()):
        if line.when(event):
            yield line, [name for to in line.to if (name := to(event))]


async def emit_event(
    edge: Edge, event: Event, seq: int | None, happened_at: float, context: Context | None
) -> None:
    """`seq`: where it stands in the stream. `happened_at`: seconds since the epoch. No context: untraced."""
    for line, names in lines(event):
        sockets = edge.members.inside(names)
        if not sockets:
            continue
        payload = line.payload(event)
        job = version_in(event)
        skip = edge.recovery.set_aside(sockets, Told(seq or 0, line.name, payload, job))
        skip |= edge.recovery.ahead_of(sockets, job)
        offset = edge.recovery.offset(seq)
        with _span(line.name, len(sockets), context) if context is not None else nullcontext():
            await edge.engine.emit(names, line.name, payload, offset=offset, skip=skip)
        _count(line.name, len(sockets) - len(skip), happened_at)


def _span(name: str, sockets: int, context: Context) -> AbstractContextManager[trace.Span]:
    kind, attributes = trace.SpanKind.PRODUCER, {"waggle.sockets": sockets}
    return tracer.start_as_current_span(f"emit {name}", context=context, kind=kind, attributes=attributes)


async def emit_position(edge: Edge, track: Track) -> None:
    """C3. Too many to trace, and worth nothing to whoever reads too slowly or is still catching up."""
    room = rooms.booking_name(track.job_id)
    sockets = edge.members.inside([room])
    if not sockets:
        return
    skip = edge.recovery.set_aside(sockets, None)
    for line in OUTGOING[JobTracked]:
        await edge.engine.emit([room], line.name, line.payload(track), skip=skip, newest=room)
        _count(line.name, len(sockets) - len(skip), track.recorded_at.timestamp())


@cache
def _figures(name: str) -> tuple[Counter, Histogram]:
    """Found once: looking them up by label takes longer than counting."""
    return EVENTS_OUT.labels(name), EMIT_SECONDS.labels(name)


def _count(name: str, sockets: int, happened_at: float) -> None:
    told, seconds = _figures(name)
    told.inc(sockets)
    seconds.observe(max(0.0, time.time() - happened_at))
