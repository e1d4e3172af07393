"""A consumer that dies right after it has committed, before it can acknowledge.

Arguments: NATS URL, database URL, durable, filter.
"""

import asyncio
import os
import signal
import sys

from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import text

from contracts.events import JobCreated
from contracts.streams import Consumer
from wire.connection import connect
from wire.consume import consume
from wire.inbox import once
from wire.settings import DatabaseSettings
from wire.sql import Transaction, open_database


async def effect(tx: Transaction, event: JobCreated) -> None:
    values = {"id": event.job_id, "job_id": event.job_id, "number": event.job.version}
    statement = text("INSERT INTO effect (id, job_id, number) VALUES (:id, :job_id, :number)")
    await tx.session.execute(statement, values)


async def main(nats_url: str, database_url: str, durable: str, wanted: str) -> None:
    settings = DatabaseSettings(database_url=database_url, jwt_key="x" * 32)
    async with (
        open_database(settings, lambda _: None) as database,
        connect(Client(), nats_url, name="victim") as nc,
    ):
        apply = once(database, "c", {JobCreated: effect})

        async def apply_and_die(message: Msg) -> None:
            await apply(message)
            os.kill(os.getpid(), signal.SIGKILL)

        await consume(nc, Consumer("DISPATCH", durable, (wanted,)), apply_and_die)


asyncio.run(main(*sys.argv[1:]))
