"""What push hears on the bus: each event's notifications are recorded, and only then sent by others.

In batches, whose order says nothing: what news is the latest is told by its time, and an offer's end that is
heard before its making is remembered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nats.aio.msg import Msg
from opentelemetry import propagate, trace

from contracts.events import OfferCreated
from contracts.streams import PUSH_DISPATCH
from push import usecases
from push.offers import ended_by
from push.policy import AS_REQUIRED, notifications, service_type_of
from push.service_types import wordings_of
from push.usecases import News
from push.wake import Wake
from push.wording import Wording
from wire.consume_batches import ApplyBatch
from wire.envelope import Received, UndecodableError, unseal
from wire.sql import Database, Transaction

tracer = trace.get_tracer("push")

MOST, LINGER_S = 200, 0.01
"""Of a batch: how many events, and how long the first of them waits for others."""


@dataclass(frozen=True)
class Heard:
    """An event, and its part of the trace, open until it is applied."""

    received: Received
    span: trace.Span


def applying(database: Database, wake: Wake) -> ApplyBatch:
    """Apply events, and wake the senders after the commit. Nothing here waits for a push (A11)."""

    async def apply(messages: Sequence[Msg]) -> list[Exception | None]:
        read = [_read(message) for message in messages]
        heard = [one for one in read if isinstance(one, Heard)]
        try:
            async with database.transaction() as tx:
                await _record(tx, heard)
        finally:
            for one in heard:
                one.span.end()
        wake.set()
        return [None if isinstance(one, Heard) else one for one in read]

    return apply


def _read(message: Msg) -> Heard | UndecodableError:
    try:
        received = unseal(message.headers, message.data)
    except UndecodableError as error:
        return error
    name = f"{PUSH_DISPATCH.durable} {received.event.type}"
    context = propagate.extract(message.headers or {})
    span = tracer.start_span(name, context=context, kind=trace.SpanKind.CONSUMER)
    return Heard(received, span)


async def _record(tx: Transaction, heard: Sequence[Heard]) -> None:
    new = await tx.first_times(PUSH_DISPATCH.durable, [one.received.id for one in heard])
    fresh = list({one.received.id: one for one in heard if one.received.id in new}.values())
    types = {service_type_of(one.received.event) for one in fresh}
    wordings = await wordings_of(tx.session, {one for one in types if one})
    news = [(one.span, told) for one in fresh for told in _news(one, wordings)]
    recorded = await usecases.record(tx, [told for _, told in news])
    for (span, _), known in zip(news, recorded, strict=True):
        if known:
            with trace.use_span(span):
                tx.emit(known.event)
    ended = {ended_by(one.received.event) for one in fresh}
    await usecases.offers_ended(tx, {one for one in ended if one})


def _news(heard: Heard, wordings: Mapping[str, Wording]) -> list[News]:
    received, event = heard.received, heard.received.event
    offer, search = (event.offer_id, event.search_id) if isinstance(event, OfferCreated) else (None, None)
    wording = wordings.get(service_type_of(event) or "", AS_REQUIRED)
    trace_id = f"{heard.span.get_span_context().trace_id:032x}"
    told = notifications(event, received.time, wording)
    return [News(one, received.id, received.time, offer, search, trace_id) for one in told]
