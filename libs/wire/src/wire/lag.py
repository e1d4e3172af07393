"""How far a durable consumer is behind: asked of the server now and then, for the metrics."""

import asyncio

import structlog
from nats.aio.client import Client

from contracts.streams import Consumer
from wire.metrics import PENDING, REDELIVERED, UNACKNOWLEDGED

log = structlog.get_logger()

EVERY_S = 15.0
"""As often as Prometheus looks. Each replica asks, and is told the same."""


async def watch(nc: Client, consumer: Consumer, every: float = EVERY_S) -> None:
    """For ever. While the server does not answer, the last that it said stands."""
    while True:
        if nc.is_connected:
            try:
                info = await nc.jetstream().consumer_info(consumer.stream, consumer.durable)
                PENDING.labels(consumer.durable).set(info.num_pending or 0)
                UNACKNOWLEDGED.labels(consumer.durable).set(info.num_ack_pending or 0)
                REDELIVERED.labels(consumer.durable).set(info.num_redelivered or 0)
            except Exception as error:  # what reads from it says why
                log.debug("consumer.not_asked", consumer=consumer.durable, error=repr(error))
        await asyncio.sleep(every)
