"""A database that is there and refuses: new connections, our role, or every change.

Whoever asks is told to try again, and once it does its work nothing has to be restarted.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from stack.house import House
from wire.migrate import check
from wire.problem import ProblemError
from wire.settings import DatabaseSettings
from wire.sql import Database, open_database

ADD = text("INSERT INTO effect VALUES (gen_random_uuid(), gen_random_uuid(), 1)")
CONNECTIONS = 3


class Server:
    """The database's server, asked by its superuser from beside the database."""

    def __init__(self, connection: asyncpg.Connection, name: str) -> None:
        self._connection, self.name = connection, name

    async def does(self, statement: str) -> None:
        await self._connection.execute(statement)

    async def alter(self, how: str) -> None:
        await self.does(f'ALTER DATABASE "{self.name}" {how}')

    async def end_sessions(self) -> None:
        """As a server does that goes away."""
        await self._connection.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = $1", self.name
        )

    async def turn_read_only(self) -> None:
        """As after a failover, by which our address leads to a replica."""
        await self.alter("SET default_transaction_read_only = on")
        await self.end_sessions()

    async def turn_writable(self) -> None:
        """From now on; a session that is there keeps what it began with."""
        await self.alter("RESET default_transaction_read_only")


@pytest.fixture
async def server(house: House, database_url: str) -> AsyncIterator[Server]:
    connection = await asyncpg.connect(house.database_url("postgres").replace("+asyncpg", ""))
    yield Server(connection, make_url(database_url).database or "")
    await connection.close()


@pytest.fixture
async def database(database_url: str, settings: Callable[..., DatabaseSettings]) -> AsyncIterator[Database]:
    given = settings(database_url=database_url, database_pool=CONNECTIONS)
    async with open_database(given, lambda _: None) as database:
        yield database


async def add(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.session.execute(ADD)


async def count(database: Database) -> int:
    async with database.transaction() as tx:
        return int(await tx.session.scalar(text("SELECT count(*) FROM effect")) or 0)


async def refusal(work: Any) -> tuple[str, int, str]:
    """Code and status, and what the database said."""
    with pytest.raises(ProblemError) as refused:
        await work
    return refused.value.problem.code, refused.value.problem.status, str(refused.value.__cause__)


async def at_once(database: Database) -> None:
    """All connections that the pool may have, in use at the same time."""
    everybody = asyncio.Barrier(CONNECTIONS)

    async def one() -> None:
        async with database.transaction() as tx:
            await tx.session.execute(text("SELECT 1"))
            await everybody.wait()

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))


async def test_what_has_a_connection_goes_on_while_no_new_one_is_given(
    database: Database, server: Server
) -> None:
    await add(database)
    await server.alter("ALLOW_CONNECTIONS false")
    async with database.transaction() as tx:
        await tx.session.execute(ADD)
        code, status, said = await refusal(add(database))
    assert (code, status) == ("unavailable", 503)
    assert "not currently accepting connections" in said
    assert await count(database) == 2
    await server.alter("ALLOW_CONNECTIONS true")
    await at_once(database)


async def test_a_role_that_is_not_let_in_is_an_outage_and_no_fault_of_the_asker(
    house: House, database_url: str, server: Server, settings: Callable[..., DatabaseSettings]
) -> None:
    """As while a password is being rotated."""
    role = f"r_{server.name}"
    await server.does(f'CREATE ROLE "{role}" NOLOGIN SUPERUSER')
    url = database_url.replace("postgres@", f"{role}@")
    assert url != database_url
    async with open_database(settings(database_url=url), lambda _: None) as database:
        code, status, said = await refusal(add(database))
        assert (code, status) == ("unavailable", 503)
        assert "not permitted to log in" in said
        await server.does(f'ALTER ROLE "{role}" LOGIN')
        await add(database)


async def test_a_read_only_database_is_read_and_every_change_is_refused_with_503(
    database: Database, server: Server
) -> None:
    await add(database)
    await server.turn_read_only()
    assert await count(database) == 1
    code, status, said = await refusal(add(database))
    assert (code, status) == ("unavailable", 503)
    assert "read-only transaction" in said


async def test_no_connection_to_a_read_only_database_outlives_the_first_refusal(
    database: Database, server: Server
) -> None:
    """An address that leads to the new primary is of no use to a pool that keeps its old connections."""
    await server.turn_read_only()
    await at_once(database)
    await server.turn_writable()
    await refusal(add(database))
    for _ in range(CONNECTIONS):
        await add(database)
    assert await count(database) == CONNECTIONS


async def test_a_service_is_not_ready_while_its_database_is_read_only_and_is_after(
    database: Database, server: Server
) -> None:
    """Nobody sends it requests meanwhile, so the check itself has to find out that all is well again."""
    await add(database)
    async with database.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
        await connection.execute(text("INSERT INTO alembic_version VALUES ('newest')"))
    ready = check(database, "booking")
    await ready()
    await server.turn_read_only()
    await at_once(database)
    with pytest.raises(Exception, match="read-only transaction"):
        await ready()
    await server.turn_writable()
    await ready()
    await add(database)
