"""Booking's recorder of positions, killed (-9) right before or right after the commit of its first batch.

Arguments: NATS URL, database URL, `before` or `after`, how many positions the batch has.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import NoReturn

from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import event

from booking import tracking
from contracts.streams import BOOKING_TRACKING
from wire.connection import connect
from wire.consume_batches import consume_batches
from wire.settings import DatabaseSettings
from wire.sql import open_database


def die(*_connection: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


async def main(nats_url: str, database_url: str, when: str, positions: str) -> None:
    settings = DatabaseSettings(database_url=database_url, jwt_key="x" * 32)
    async with (
        open_database(settings, lambda _: None) as database,
        connect(Client(), nats_url, name="victim") as nc,
    ):
        if when == "before":
            event.listen(database.engine.sync_engine, "commit", die)
        record = tracking.recorder(database, timedelta(days=30))

        async def record_and_die(messages: Sequence[Msg]) -> Sequence[Exception | None]:
            await record(messages)
            die()

        await consume_batches(nc, BOOKING_TRACKING, record_and_die, most=int(positions), linger=60)


asyncio.run(main(*sys.argv[1:]))
