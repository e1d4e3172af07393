"""Migrations of a service, and what readiness makes of them."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from sqlalchemy import text

from stack.house import House
from wire.migrate import check, upgrade
from wire.sql import Database

ENV = "from wire.migrate import environment\n\nenvironment()\n"
REVISION = """
from alembic import op

revision, down_revision, branch_labels, depends_on = {this!r}, {before!r}, None, None


def upgrade() -> None:
    op.execute("CREATE TABLE t_{this} (x int)")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"svc_{tmp_path.name}".replace("-", "_")
    versions = tmp_path / name / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    (versions.parent / "env.py").write_text(ENV)
    (versions / "0001_first.py").write_text(REVISION.format(this="0001", before=None))
    (versions / "0002_second.py").write_text(REVISION.format(this="0002", before="0001"))
    monkeypatch.syspath_prepend(tmp_path)
    return name


def add_revision(package: str, tmp_path: Path) -> None:
    versions = tmp_path / package / "migrations" / "versions"
    (versions / "0003_third.py").write_text(REVISION.format(this="0003", before="0002"))


async def test_service_is_ready_once_its_schema_is_what_it_needs_or_newer(
    package: str, tmp_path: Path, database: Database, database_url: str
) -> None:
    """Issue 2, done when: it becomes ready when what it needs comes."""
    ready = check(database, package)
    with pytest.raises(Exception, match="alembic_version"):
        await ready()
    await upgrade(package, database_url)
    await ready()
    await upgrade(package, database_url)

    add_revision(package, tmp_path)
    newer = check(database, package)
    with pytest.raises(RuntimeError, match="the schema is at 0002, this code needs 0003"):
        await newer()
    await upgrade(package, database_url)
    await newer()
    await ready()  # the old code, while the deployment rolls


async def test_two_migrations_at_once_do_the_work_once(package: str, database_url: str) -> None:
    await asyncio.gather(*(upgrade(package, database_url) for _ in range(3)))


async def test_migration_waits_for_a_database_that_is_not_there_yet(
    package: str, house: House, database_url: str, database: Database
) -> None:
    """Issue 2, done when: start order does not matter."""
    await house.stop("postgres")
    task = asyncio.create_task(upgrade(package, database_url))
    await asyncio.sleep(0.3)  # it has met the absence
    await house.start("postgres")
    await task
    await check(database, package)()


async def test_migration_waits_for_a_database_that_says_not_now(
    package: str, house: House, database_url: str, database: Database
) -> None:
    """As it does for seconds while it recovers from a crash; here it is asked to end, and waits for us."""
    async with database.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        os.kill(house.pid("postgres"), signal.SIGTERM)
        task = asyncio.create_task(upgrade(package, database_url))
        await asyncio.sleep(0.5)
        assert not task.done()
    await database.engine.dispose()
    await task
    await house.ready("postgres")


async def test_migration_that_fails_leaves_nothing_behind(
    package: str, tmp_path: Path, database: Database, database_url: str
) -> None:
    """All of it in one transaction."""
    versions = tmp_path / package / "migrations" / "versions"
    broken = REVISION.format(this="0003", before="0002").replace("(x int)", "(x nonsense)")
    (versions / "0003_third.py").write_text(broken)
    with pytest.raises(Exception, match="nonsense"):
        await upgrade(package, database_url)
    async with database.engine.connect() as connection:
        assert await connection.scalar(text("SELECT to_regclass('t_0001')")) is None
