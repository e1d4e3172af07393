"""Telling the bus that a driver has left this edge (C5). What follows from it is matching's affair.

An edge that is killed tells nothing, and need not: nobody answers for it any more (`presence`).
"""

import asyncio
from datetime import UTC, datetime

import nats.errors
import structlog
from nats.aio.client import Client

from contracts.events import DriverDisconnected
from wire.envelope import Letter, seal
from wire.publish import post

log = structlog.get_logger()

RETRY_SECONDS = 1.0
AT_ONCE = 64


class Departures:
    """Drivers whose last socket here closed, until the stream has acknowledged that it knows.

    Kept by driver, so that it never holds more than the drivers who were here.
    """

    def __init__(self) -> None:
        self._letters: dict[str, Letter] = {}
        self._some = asyncio.Event()

    def add(self, driver_id: str) -> None:
        """This driver left just now."""
        left = DriverDisconnected(driver_id=driver_id, disconnected_at=datetime.now(UTC))
        self._letters[driver_id] = seal(left)
        self._some.set()

    async def tell(self, nc: Client) -> None:
        """For ever. What is not acknowledged is said again, under the same id, until it is."""
        while True:
            await self._some.wait()
            batch = list(self._letters.items())[:AT_ONCE]
            told = await asyncio.gather(*(_told(nc, letter) for _, letter in batch))
            for driver_id, letter in (one for one, ok in zip(batch, told, strict=True) if ok):
                if self._letters[driver_id] is letter:  # and did not come and leave again meanwhile
                    del self._letters[driver_id]
            if not self._letters:
                self._some.clear()
            if not all(told):
                await asyncio.sleep(RETRY_SECONDS)


async def _told(nc: Client, letter: Letter) -> bool:
    try:
        await post(nc.jetstream(), letter)
    except (nats.errors.Error, TimeoutError) as error:
        log.warning("departure.not_acknowledged", subject=letter.subject, error=repr(error))
        return False
    return True
