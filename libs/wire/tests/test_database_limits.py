"""What a service's connections to its database are bounded by, and what they trust."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
import trustme
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url

from wire import migrate
from wire.problem import ProblemError
from wire.settings import DatabaseSettings
from wire.sql import Database, open_database

MakeSettings = Callable[..., DatabaseSettings]

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""By which a client of PostgreSQL asks for TLS; `S` answers yes, `N` no."""


@asynccontextmanager
async def opened(settings: MakeSettings, url: str, **limits: Any) -> AsyncIterator[Database]:
    async with open_database(settings(database_url=url, **limits), lambda _: None) as database:
        yield database


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(
    settings: MakeSettings, database_url: str
) -> None:
    """The caller is told to try again, and the connection is good for the next."""
    async with opened(settings, database_url, database_statement_seconds=0.1, database_pool=1) as database:
        with pytest.raises(ProblemError) as refused:
            async with database.transaction() as tx:
                await tx.session.execute(text("SELECT pg_sleep(60)"))
        assert (refused.value.problem.code, refused.value.problem.status) == ("unavailable", 503)
        assert "due to statement timeout" in str(refused.value.__cause__)
        async with database.transaction() as tx:
            assert await tx.session.scalar(text("SELECT 1")) == 1


async def test_a_transaction_that_is_left_alone_loses_its_locks(
    settings: MakeSettings, database_url: str
) -> None:
    """A process that hangs in the middle of one does not hold up the others for ever."""
    taken_over = False
    async with opened(settings, database_url, database_idle_seconds=0.1) as database:

        async def hang() -> None:
            nonlocal taken_over
            async with database.transaction() as hung:
                await hung.session.execute(text("SELECT pg_advisory_xact_lock(7)"))
                async with database.transaction() as tx:
                    await tx.session.execute(text("SELECT pg_advisory_xact_lock(7)"))
                taken_over = True
                await hung.session.execute(text("SELECT 1"))

        with pytest.raises(ProblemError, match="try again"):
            await hang()
    assert taken_over


async def test_a_pool_holds_no_more_connections_than_it_was_given(
    settings: MakeSettings, database_url: str
) -> None:
    name = make_url(database_url).database
    counted = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name")
    async with opened(settings, database_url, database_pool=2) as database:

        async def one() -> int:
            async with database.transaction() as tx:
                return int(await tx.session.scalar(counted, {"name": name}) or 0)

        assert max(await asyncio.gather(*(one() for _ in range(20)))) <= 2


async def test_a_migration_gives_up_on_a_table_in_use_rather_than_hold_up_all_others(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes after a waiting ALTER TABLE waits behind it, reads too. The Job tries again."""
    monkeypatch.setattr(migrate, "LOCK_SECONDS", 0.1)
    monkeypatch.setattr(
        migrate, "_upgrade", lambda connection, _: connection.execute(text("ALTER TABLE outbox ADD x int"))
    )
    async with database.transaction() as tx:
        await tx.session.execute(text("SELECT count(*) FROM outbox"))
        with pytest.raises(Exception, match="lock timeout"):
            await migrate.upgrade("wire", database_url)
    await migrate.upgrade("wire", database_url)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()


async def _to_server(url: URL) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    folder = url.query.get("host")
    if folder:  # the parts from wheels listen on a socket in a folder
        return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{url.port or 5432}")
    return await asyncio.open_connection(url.host, url.port or 5432)


@dataclass
class Front:
    """Speaks TLS for a server that was built without, or refuses to (`context` None)."""

    server: URL
    context: ssl.SSLContext | None
    heard_plain: bytes = b""
    """What a client said though TLS was refused."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(len(SSL_REQUEST))
        if self.context is None:
            writer.write(b"N")
            said = b"" if first == SSL_REQUEST else first
            self.heard_plain += said + await reader.read(4096)
            writer.close()
            return
        writer.write(b"S")
        try:
            await writer.start_tls(self.context)
        except (ssl.SSLError, ConnectionError):
            writer.close()
            return
        upstream = await _to_server(self.server)
        await asyncio.gather(_copy(reader, upstream[1]), _copy(upstream[0], writer))


@asynccontextmanager
async def fronted(front: Front) -> AsyncIterator[str]:
    """The URL of the front, as localhost."""
    async with await asyncio.start_server(front.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = front.server.set(host="localhost", port=port, query={})
        yield url.render_as_string(hide_password=False)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def encrypted_url(database_url: str, authority: trustme.CA) -> AsyncIterator[str]:
    """The test's database, by TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    async with fronted(Front(make_url(database_url), context)) as url:
        yield url


def pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


async def test_a_database_is_spoken_to_by_tls_when_its_authority_is_named(
    settings: MakeSettings, encrypted_url: str, authority: trustme.CA
) -> None:
    trusting = opened(settings, encrypted_url, database_ca=pem(authority))
    async with trusting as database, database.transaction() as tx:
        assert await tx.session.scalar(text("SELECT 1")) == 1


async def test_a_database_of_another_authority_is_not_spoken_to(
    settings: MakeSettings, encrypted_url: str
) -> None:
    async with opened(settings, encrypted_url, database_ca=pem(trustme.CA())) as database:
        with pytest.raises(ProblemError, match="not answering"):
            async with database.transaction() as tx:
                await tx.session.execute(text("SELECT 1"))


async def test_nothing_is_said_to_a_database_without_tls_when_an_authority_is_named(
    settings: MakeSettings, database_url: str, authority: trustme.CA
) -> None:
    front = Front(make_url(database_url), None)
    async with fronted(front) as url, opened(settings, url, database_ca=pem(authority)) as database:
        with pytest.raises(ProblemError, match="not answering"):
            async with database.transaction() as tx:
                await tx.session.execute(text("SELECT 1"))
    assert front.heard_plain == b""
