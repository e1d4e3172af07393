"""Having a service wait between two of its steps, by means of its database; the service knows nothing of it.

A trigger made for the test waits for a lock that the test holds. So a process can be killed there, and only
there: while a statement is under way the transaction dies with it; while it commits, it does not.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

PATIENCE_S = 60.0
KEY = 4711
"""Of the lock; any number will do."""
FUNCTION = f"""
    CREATE OR REPLACE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared({KEY});
        RETURN coalesce(NEW, OLD);
    END $$
"""
WAITS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> 'test'
"""


@dataclass(frozen=True)
class Point:
    """A place in a transaction. `name` says it in words.

    Either a row's lock that the service waits for (`row`: the statement that takes it); or a change to
    `table`, of a row that fits `when`: before it is made, or `at_commit` of the transaction that made it.
    Both may name the `{job}` and the `{driver}`.
    """

    name: str
    row: str = ""
    table: str = ""
    change: str = "INSERT"
    when: str = "true"
    at_commit: bool = False

    def trigger(self, **names: object) -> str:
        when = self.when.format(**names)
        timing = f"BEFORE {self.change} ON {self.table}"
        if self.at_commit:
            timing = f"AFTER {self.change} ON {self.table} DEFERRABLE INITIALLY DEFERRED"
        kind = "CONSTRAINT TRIGGER" if self.at_commit else "TRIGGER"
        return f"CREATE {kind} wait_here {timing} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION wait_here()"


class Stop:
    """The test's hold on a point."""

    def __init__(self, holder: asyncpg.Connection, watcher: asyncpg.Connection) -> None:
        self._holder, self._watcher = holder, watcher

    async def reached(self, by: int = 1) -> None:
        """Until so many wait there. PostgreSQL announces that to nobody, so it is asked."""
        await self._until(f"SELECT ({WAITS}) >= {by}")

    async def let_go(self) -> None:
        """Whoever waits goes on, and nobody waits there any more."""
        await self._holder.execute("SELECT pg_advisory_unlock_all(); ROLLBACK")

    async def dead_sessions_end(self) -> None:
        """A dead process's sessions end when they next look for it; what they commit, they commit before."""
        await self._until(f"SELECT ({OTHERS}) = 0")

    async def _until(self, question: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not await self._watcher.fetchval(question):
                await asyncio.sleep(0.02)


@asynccontextmanager
async def stopping(database_url: str, point: Point, **names: object) -> AsyncIterator[Stop]:
    """The service waits at `point` until it is let go."""
    url = database_url.replace("+asyncpg", "")
    settings = {"application_name": "test"}
    holder, watcher = [await asyncpg.connect(url, server_settings=settings) for _ in range(2)]
    stop = Stop(holder, watcher)
    try:
        await holder.execute("BEGIN")
        if point.row:
            await holder.execute(point.row.format(**names))
        else:
            await watcher.execute(FUNCTION)
            await watcher.execute(point.trigger(**names))
            await holder.execute(f"SELECT pg_advisory_lock({KEY})")
        yield stop
    finally:
        await stop.let_go()
        if not point.row:
            await watcher.execute(f"DROP TRIGGER IF EXISTS wait_here ON {point.table}")
        await holder.close()
        await watcher.close()
