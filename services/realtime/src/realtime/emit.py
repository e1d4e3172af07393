"""One event, said to everybody here whom it concerns, in the words of the table `outgoing`."""

import time
from collections.abc import Iterator

from opentelemetry import trace
from opentelemetry.context import Context

from contracts.events import Event, JobTracked
from realtime.edge import Edge
from realtime.metrics import EMIT_SECONDS, EVENTS_OUT
from realtime.outgoing import OUTGOING, Line
from realtime.recovery import Told

tracer = trace.get_tracer("realtime")


def lines(event: Event | JobTracked) -> Iterator[tuple[Line, list[str]]]:
    """What is said about it, and in which rooms."""
    for line in OUTGOING.get(type(event), ()):
        if line.when(event):
            yield line, [name for to in line.to if (name := to(event))]


async def emit_event(
    edge: Edge, event: Event, seq: int | None, happened_at: float, context: Context | None
) -> None:
    """`seq`: where it stands in the stream. `happened_at`: seconds since the epoch."""
    for line, names in lines(event):
        sockets = edge.members.inside(names)
        if not sockets:
            continue
        payload = line.payload(event)
        skip = edge.recovery.set_aside(sockets, Told(seq or 0, line.name, payload))
        attributes = {"waggle.sockets": len(sockets)}
        with tracer.start_as_current_span(
            f"emit {line.name}", context=context, kind=trace.SpanKind.PRODUCER, attributes=attributes
        ):
            await edge.engine.emit(names, line.name, payload, offset=edge.recovery.offset(seq), skip=skip)
        _count(line.name, len(sockets) - len(skip), happened_at)


async def emit_position(edge: Edge, track: JobTracked) -> None:
    """C3. Too many to trace, and worth nothing to whoever reads too slowly or is still catching up."""
    for line, names in lines(track):
        sockets = edge.members.inside(names)
        if sockets:
            skip = edge.recovery.set_aside(sockets, None)
            await edge.engine.emit(names, line.name, line.payload(track), skip=skip, newest=names[0])
            _count(line.name, len(sockets) - len(skip), track.recorded_at.timestamp())


def _count(name: str, sockets: int, happened_at: float) -> None:
    EVENTS_OUT.labels(name).inc(sockets)
    EMIT_SECONDS.labels(name).observe(max(0.0, time.time() - happened_at))
