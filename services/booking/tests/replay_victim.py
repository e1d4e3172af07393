"""A replay that is killed (-9) right before its n-th commit, with a batch for every event.

Arguments: NATS URL, database URL, n. One that has fewer commits ends as it should.
"""

import asyncio
import itertools
import os
import signal
import sys

from nats.aio.client import Client
from sqlalchemy import event

from booking import replay
from wire.connection import connect
from wire.settings import DatabaseSettings
from wire.sql import open_database


async def main(nats_url: str, database_url: str, last: str) -> None:
    replay.AT_ONCE = 1
    commits = itertools.count(1)

    def die(*_connection: object) -> None:
        if next(commits) == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    settings = DatabaseSettings(database_url=database_url, jwt_key="x" * 32)
    async with (
        open_database(settings, lambda _: None) as database,
        connect(Client(), nats_url, name="victim") as nc,
    ):
        event.listen(database.engine.sync_engine, "commit", die)
        await replay.replay(nc, database)


asyncio.run(main(*sys.argv[1:]))
