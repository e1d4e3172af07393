"""Applying the events of a durable consumer: each once, a job's in order, none lost, none stuck."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from opentelemetry import propagate, trace

from contracts.streams import Consumer
from wire.envelope import UndecodableError
from wire.held import COPY, Held, RejectedError, delay_of, is_copy
from wire.lag import watch
from wire.metrics import CONSUMED, HANDLING, begin
from wire.pull import messages

__all__ = ["Apply", "RejectedError", "consume"]

log = structlog.get_logger()
tracer = trace.get_tracer("wire")

LANE_DEPTH = 64
HANDLING_SECONDS = 30.0
"""Longest that one event may be handled; it is a failure then, like any other."""

Apply = Callable[[Msg], Awaitable[None]]
"""Applies one message whole, or raises. `wire.inbox.once` makes one of handlers and a database."""


@dataclass(frozen=True)
class _Work:
    """What one consumer does here."""

    held: Held
    apply: Apply
    lanes: list[asyncio.Queue[Msg]]

    def lane_of(self, message: Msg) -> asyncio.Queue[Msg]:
        # Third token: the job (or the timer's subject). One job, one lane: its events stay in order.
        return self.lanes[hash(".".join(message.subject.split(".")[2:3])) % len(self.lanes)]


async def consume(nc: Client, consumer: Consumer, apply: Apply, *, lanes: int = 16) -> None:
    """Run for ever: `apply` each message, then acknowledge; on failure nak with a growing delay.

    A job's events are applied in order, but one that failed comes again after those that followed it, and
    another replica may have the next one: handlers look at the version in the event.

    What can never be applied goes to `dead.<durable>` with the reason, and is not delivered again. When
    cancelled, messages being applied are finished and those waiting are given back at once.
    """
    begin(consumer.durable)
    work = _Work(Held(nc, consumer), apply, [asyncio.Queue(LANE_DEPTH) for _ in range(lanes)])
    async with asyncio.TaskGroup() as group:
        for lane in work.lanes:
            group.create_task(_drive(work, lane))
        group.create_task(work.held.keep())
        group.create_task(watch(nc, consumer))
        async with aclosing(messages(nc, consumer, work.held.arrived)) as incoming:
            try:
                async for message in incoming:
                    await work.lane_of(message).put(message)
            finally:
                await _empty(work)


async def _drive(work: _Work, lane: asyncio.Queue[Msg]) -> None:
    while True:
        message = await lane.get()
        work.held.take_up(message)
        task = asyncio.create_task(_handle(work, message))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await task
            raise


async def _empty(work: _Work) -> None:
    for lane in work.lanes:
        while not lane.empty():
            lane.get_nowait()
    await work.held.give_back()


async def _handle(work: _Work, message: Msg) -> None:
    durable = work.held.consumer.durable
    name = f"{durable} {'.'.join(message.subject.split('.')[:2])}"
    context = propagate.extract(message.headers or {})
    with (
        HANDLING.labels(durable).time(),
        tracer.start_as_current_span(name, context=context, kind=trace.SpanKind.CONSUMER),
        structlog.contextvars.bound_contextvars(subject=message.subject),
    ):
        outcome = await _apply_one(work, message)
        log.debug("event.taken", outcome=outcome)
    CONSUMED.labels(durable, outcome).inc()


async def _apply_one(work: _Work, message: Msg) -> str:
    if is_copy(message):
        return await work.held.bury(message, COPY)
    try:
        async with asyncio.timeout(HANDLING_SECONDS):
            await work.apply(message)
    except (UndecodableError, RejectedError) as error:
        return await work.held.bury(message, str(error))
    except (Exception, asyncio.CancelledError):  # nobody cancels us (_drive): it came out of a library
        delay = delay_of(message)
        log.exception("event.failed", delivery=message.metadata.num_delivered, again_in=delay)
        return await work.held.again(message, delay)
    await work.held.ack(message)  # unconfirmed, it comes again, and the inbox knows it
    return "applied"
