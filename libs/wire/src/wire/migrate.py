"""Bringing a service's database to its newest schema (Alembic)."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib import resources

import stamina
from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from wire.sql import Database, tls

LOCK = 0x7761_6767
"""PostgreSQL advisory lock: two migration jobs at once do the work once."""
LOCK_SECONDS = 10.0
"""How long a change may wait for a table that is in use. All who come after it wait behind it meanwhile."""
CANNOT_CONNECT_NOW = "57P03"
"""What PostgreSQL answers while it starts, recovers or shuts down."""
CHANGES_NOTHING = "UPDATE alembic_version SET version_num = version_num WHERE false"
"""And yet a read-only database refuses it."""


def environment() -> None:
    """The whole of a service's `migrations/env.py`: run on the connection that `upgrade` opened."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=SQLModel.metadata)
    with context.begin_transaction():
        context.run_migrations()


def _config(package: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files(package) / "migrations"))
    return config


def _upgrade(connection: Connection, package: str) -> None:
    config = _config(package)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _is_not_there_yet(error: Exception) -> bool:
    said = getattr(error, "orig", error)
    return isinstance(error, OSError) or getattr(said, "sqlstate", None) == CANNOT_CONNECT_NOW


@stamina.retry(on=_is_not_there_yet, attempts=None, timeout=60, wait_max=2)
async def upgrade(package: str, url: str, ca: str | None = None) -> None:
    """Upgrade to head, in one transaction; waits up to a minute for a database that is not there yet.

    DBAPIError (55P03) after `LOCK_SECONDS` at a table in use; nothing was changed then, so try again.
    `ca`: see `DatabaseSettings.database_ca`.
    """
    engine = create_async_engine(url, connect_args=tls(ca))
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            await connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_SECONDS * 1000:.0f}"))
            await connection.run_sync(_upgrade, package)
    finally:
        await engine.dispose()


def check(database: Database, package: str) -> Callable[[], Awaitable[None]]:
    """A readiness check: the database answers, may be written to, and its schema is what this code needs, or
    newer.

    A revision that this code does not know is a newer one's: schemas expand first and contract later, so
    that the old code still runs on it.
    """
    revisions = [one.revision for one in ScriptDirectory.from_config(_config(package)).walk_revisions()]

    async def ready() -> None:
        async with database.engine.connect() as connection:
            found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
            await connection.execute(text(CHANGES_NOTHING))
        if found is None or found in revisions[1:]:
            raise RuntimeError(f"the schema is at {found}, this code needs {revisions[0]}")

    return ready


class Target(BaseSettings):
    """The only things that a migration needs to be told. See `wire.settings.DatabaseSettings`."""

    model_config = SettingsConfigDict(env_prefix="WAGGLE_", extra="ignore", hide_input_in_errors=True)
    database_url: SecretStr
    database_ca: str | None = None


def main(package: str) -> None:
    """`python -m <service>.migrate`"""
    target = Target()
    asyncio.run(upgrade(package, target.database_url.get_secret_value(), target.database_ca))
