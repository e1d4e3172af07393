"""Applying what a durable consumer brings in batches: for much of one kind, where each message alone would
cost a transaction. No order is kept, neither within a batch nor between those of two replicas."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.streams import Consumer
from wire.envelope import UndecodableError
from wire.held import COPY, Held, RejectedError, delay_of, is_copy
from wire.lag import watch
from wire.metrics import CONSUMED, HANDLING, begin
from wire.pull import messages

log = structlog.get_logger()

MOST = 500
LINGER_S = 0.1
"""How long a batch that is not full waits for more."""
ALONE_AFTER = 3
"""Deliveries after which a message is applied alone: it may be what the batches around it failed of."""
HANDLING_SECONDS = 30.0
"""Longest that one batch may be handled; it is a failure then, like any other."""

ApplyBatch = Callable[[Sequence[Msg]], Awaitable[Sequence[Exception | None]]]
"""Applies the messages in one transaction; if it raises, none was. Answers one each, in order: None where it
was applied, RejectedError or UndecodableError where it can never be, another exception where it must come
again. A message that it has applied before must do nothing."""


async def consume_batches(
    nc: Client, consumer: Consumer, apply: ApplyBatch, *, most: int = MOST, linger: float = LINGER_S
) -> None:
    """Run for ever: `apply` up to `most` messages at once, then acknowledge them.

    A process that dies before the acknowledgement has them delivered again, after `ack_wait`. Failures, dead
    letters and cancelling are as with `wire.consume.consume`.
    """
    begin(consumer.durable)
    held, line = Held(nc, consumer), asyncio.Queue[Msg](most)
    async with asyncio.TaskGroup() as group:
        group.create_task(held.keep())
        group.create_task(watch(nc, consumer))
        driver = group.create_task(_drive(held, line, apply, most, linger))
        async with aclosing(messages(nc, consumer, held.arrived, batch=most)) as incoming:
            try:
                async for message in incoming:
                    await line.put(message)
            finally:
                driver.cancel()
                await asyncio.wait({driver})  # lest it takes up what is given back
                await held.give_back()


async def _drive(held: Held, line: asyncio.Queue[Msg], apply: ApplyBatch, most: int, linger: float) -> None:
    while True:
        for batch in _apart(await _gathered(line, most, linger)):
            for message in batch:
                held.take_up(message)
            task = asyncio.create_task(_handle(held, batch, apply))
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                await task
                raise


async def _gathered(line: asyncio.Queue[Msg], most: int, linger: float) -> list[Msg]:
    batch = [await line.get()]
    try:
        async with asyncio.timeout(linger):
            while len(batch) < most:
                batch.append(await line.get())
    except TimeoutError:
        pass
    return batch


def _apart(batch: list[Msg]) -> list[list[Msg]]:
    suspects = [[one] for one in batch if one.metadata.num_delivered > ALONE_AFTER]
    others = [one for one in batch if one.metadata.num_delivered <= ALONE_AFTER]
    return [others, *suspects] if others else suspects


async def _handle(held: Held, batch: list[Msg], apply: ApplyBatch) -> None:
    durable = held.consumer.durable
    with HANDLING.labels(durable).time():
        try:
            async with asyncio.timeout(HANDLING_SECONDS):
                outcomes = await _apply(batch, apply)
        except (Exception, asyncio.CancelledError) as error:  # nobody cancels us: it came out of a library
            log.exception("batch.failed", messages=len(batch))
            outcomes = [error if isinstance(error, Exception) else RuntimeError("cancelled")] * len(batch)
        await _settle(held, list(zip(batch, outcomes, strict=True)))


async def _apply(batch: list[Msg], apply: ApplyBatch) -> list[Exception | None]:
    """As `apply` does; copies are rejected."""
    genuine = [message for message in batch if not is_copy(message)]
    outcomes = iter(await apply(genuine) if genuine else ())
    return [RejectedError(COPY) if is_copy(message) else next(outcomes) for message in batch]


async def _settle(held: Held, outcomes: list[tuple[Msg, Exception | None]]) -> None:
    durable = held.consumer.durable
    for message, fault in outcomes:
        if isinstance(fault, (RejectedError, UndecodableError)):
            CONSUMED.labels(durable, await held.bury(message, str(fault))).inc()
        elif fault:
            CONSUMED.labels(durable, await held.again(message, delay_of(message))).inc()
    applied = [message for message, fault in outcomes if fault is None]
    for message in applied[:-1]:
        await held.ack(message, confirmed=False)
    for message in applied[-1:]:  # the server takes them in order: this one's answer is for all
        await held.ack(message)
    CONSUMED.labels(durable, "applied").inc(len(applied))
