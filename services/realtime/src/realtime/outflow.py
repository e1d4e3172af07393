"""Positions on their way to the bus: written by handlers that cannot wait, sent by a task that can."""

import asyncio

import nats.errors
import structlog
from nats.aio.client import Client

from realtime.metrics import POSITIONS_LOST

log = structlog.get_logger()

MOST = 20_000
"""Messages that wait; past it, while the bus is away or slow, new ones are dropped: newer ones will come."""


class Outflow:
    """Core NATS messages, in order."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, bytes]] = []
        self._some = asyncio.Event()

    def put(self, subject: str, body: bytes) -> None:
        """Send it soon. Never waits."""
        if len(self._waiting) >= MOST:
            POSITIONS_LOST.inc()
            return
        self._waiting.append((subject, body))
        self._some.set()

    async def run(self, nc: Client) -> None:
        """For ever: send what was put."""
        while True:
            await self._some.wait()
            self._some.clear()
            batch, self._waiting = self._waiting, []
            await self._send(nc, batch)

    async def _send(self, nc: Client, batch: list[tuple[str, bytes]]) -> None:
        for sent, (subject, body) in enumerate(batch):
            try:
                await nc.publish(subject, body)
            except (nats.errors.Error, OSError) as error:  # the bus is away
                POSITIONS_LOST.inc(len(batch) - sent)
                log.warning("positions.lost", count=len(batch) - sent, error=repr(error))
                return
