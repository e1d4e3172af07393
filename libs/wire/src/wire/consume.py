"""Applying the events of a durable consumer: each once, a job's in order, none lost, none stuck."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from opentelemetry import propagate, trace

from contracts.streams import Consumer
from contracts.subjects import dead_letter
from wire.envelope import MESSAGE_ID, UndecodableError
from wire.pull import give_back, messages
from wire.telemetry import CONSUMED, HANDLING

log = structlog.get_logger()
tracer = trace.get_tracer("wire")

NAK_DELAYS = (0.1, 0.5, 2, 5, 15)
"""Seconds until a message that failed comes again: growing, so that no fault is hammered. The last is also
how late an event may be after an outage, and failing messages take up the consumer's `max_ack_pending`."""
LANE_DEPTH = 64
HANDLING_SECONDS = 30.0
"""Longest that one event may be handled; it is a failure then, like any other."""
ACK_SECONDS = 2.0
"""Longest that a lane waits for the acknowledgement to be confirmed, e.g. when the server just went away."""

Apply = Callable[[Msg], Awaitable[None]]
"""Applies one message whole, or raises. `wire.inbox.once` makes one of handlers and a database."""


class RejectedError(Exception):
    """The event was understood and can never be applied; the reason goes with it to the dead letters."""


@dataclass(frozen=True)
class _Work:
    """What one consumer does here: its lanes, what waits before or in them, and what is being applied."""

    nc: Client
    consumer: Consumer
    apply: Apply
    lanes: list[asyncio.Queue[Msg]]
    waiting: dict[str, Msg] = field(default_factory=dict)
    applied: dict[str, Msg] = field(default_factory=dict)

    def arrived(self, message: Msg) -> None:
        self.waiting[message.reply] = message

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
    work = _Work(nc, consumer, apply, [asyncio.Queue(LANE_DEPTH) for _ in range(lanes)])
    async with asyncio.TaskGroup() as group:
        for lane in work.lanes:
            group.create_task(_drive(work, lane))
        group.create_task(_keep(work))
        async with aclosing(messages(nc, consumer, work.arrived)) as incoming:
            try:
                async for message in incoming:
                    await work.lane_of(message).put(message)
            finally:
                await _empty(work)


async def _drive(work: _Work, lane: asyncio.Queue[Msg]) -> None:
    while True:
        message = await lane.get()
        work.applied[message.reply] = work.waiting.pop(message.reply)
        task = asyncio.create_task(_handle(work, message))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await task
            raise


async def _keep(work: _Work) -> None:
    """Tell the server of messages that have been here for a while, lest it sends copies of them."""
    known: set[str] = set()
    while True:
        await asyncio.sleep(work.consumer.ack_wait.total_seconds() / 3)
        held = work.waiting | work.applied
        for reply in known & held.keys():
            await _say(held[reply].in_progress())
        known = set(held)


async def _empty(work: _Work) -> None:
    for lane in work.lanes:
        while not lane.empty():
            lane.get_nowait()
    for message in tuple(work.waiting.values()):
        await give_back(message)


async def _handle(work: _Work, message: Msg) -> None:
    durable = work.consumer.durable
    name = f"{durable} {'.'.join(message.subject.split('.')[:2])}"
    context = propagate.extract(message.headers or {})
    with (
        HANDLING.labels(durable).time(),
        tracer.start_as_current_span(name, context=context, kind=trace.SpanKind.CONSUMER),
        structlog.contextvars.bound_contextvars(subject=message.subject),
    ):
        outcome = await _apply_one(work, message)
    CONSUMED.labels(durable, outcome).inc()


async def _apply_one(work: _Work, message: Msg) -> str:
    try:
        async with asyncio.timeout(HANDLING_SECONDS):
            await work.apply(message)
    except (UndecodableError, RejectedError) as error:
        return await _bury(work, message, str(error))
    except (Exception, asyncio.CancelledError):  # nobody cancels us (_drive): it came out of a library
        delay = NAK_DELAYS[min(message.metadata.num_delivered, len(NAK_DELAYS)) - 1]
        log.exception("event.failed", delivery=message.metadata.num_delivered, again_in=delay)
        return await _again(work, message, delay)
    work.applied.pop(message.reply)  # from here on `_keep` would contradict what we say of it
    try:
        await message.ack_sync(timeout=ACK_SECONDS)
    except Exception as error:  # it comes again, and the inbox knows it
        log.warning("event.ack_unconfirmed", error=repr(error))
    return "applied"


async def _bury(work: _Work, message: Msg, reason: str) -> str:
    """Dead letter first, then terminate: dying between the two repeats it, and loses nothing."""
    # What the server put there, or would act on (a fired timer's Nats-Schedule-Next), stays behind.
    headers = {name: text for name, text in (message.headers or {}).items() if not name.startswith("Nats-")}
    told = " ".join(reason.split()).encode("ascii", "backslashreplace").decode()
    headers |= {"Dead-Reason": told[:1000], "Dead-Subject": message.subject}
    headers[MESSAGE_ID] = f"{work.consumer.durable}.{message.metadata.sequence.stream}"
    try:
        await work.nc.jetstream().publish(dead_letter(work.consumer.durable), message.data, headers=headers)
    except Exception:
        log.exception("event.not_buried")
        return await _again(work, message, NAK_DELAYS[-1])
    work.applied.pop(message.reply)
    await _say(message.term())
    log.error("event.dead", reason=told)
    return "dead"


async def _again(work: _Work, message: Msg, delay: float) -> str:
    work.applied.pop(message.reply)
    await _say(message.nak(delay=delay))
    return "failed"


async def _say(telling: Awaitable[None]) -> None:
    """Tell the server of a message. If that cannot be, the message comes again after `ack_wait`."""
    try:
        await telling
    except nats.errors.Error as error:
        log.warning("event.untold", error=repr(error))
