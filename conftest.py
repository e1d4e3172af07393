"""The parts that tests of all folders run on: one real nats-server and one real PostgreSQL a session.

`--backend=parts` (the default) has them from wheels, `--backend=containers` from the official images, for
which Docker must be running. Tests that stop or kill a part start parts of their own (`stack.parts`).
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

import asyncpg
import nats
import pytest
from nats.js.errors import NotFoundError
from sqlalchemy.engine import URL, make_url
from tests.alone import alone

from contracts.streams import STREAMS
from stack.parts import parts
from wire.bootstrap import bootstrap

NATS_IMAGE = "nats:2.12-alpine"
POSTGRES_IMAGE = "postgres:18-alpine"


class Backend(Protocol):
    """Where the parts are. `stack.house.House` is one."""

    nats_url: str

    async def fresh_database(self, template: str = "template1") -> str:
        """Create a database of random name, empty or a copy of `template` (then unused); its URL."""


@dataclass
class Containers:
    """A backend in containers."""

    nats_url: str
    postgres: URL

    async def fresh_database(self, template: str = "template1") -> str:
        """See `Backend`."""
        name = f"t_{uuid4().hex[:12]}"
        server = self.postgres.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(server)
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        await connection.close()
        return self.postgres.set(database=name).render_as_string(hide_password=False)


@asynccontextmanager
async def containers() -> AsyncIterator[Backend]:
    """Started and removed by testcontainers. PostgreSQL without fsync, as in `stack.parts`."""
    from testcontainers.community.nats import NatsContainer  # noqa: PLC0415  # half a second, seldom needed
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415

    postgres = PostgresContainer(POSTGRES_IMAGE, driver="asyncpg")
    postgres.with_command("postgres -c max_connections=400 -c fsync=off")
    with NatsContainer(NATS_IMAGE, jetstream=True) as bus, postgres:
        yield Containers(bus.nats_uri(), make_url(postgres.get_connection_url()))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        choices=["parts", "containers"],
        default="parts",
        help="where NATS and PostgreSQL come from",
    )

    parser.addoption(
        "--storm",
        type=int,
        default=2_000,
        help="notifications of the storm that push is tested in; 10000 take minutes",
    )


@pytest.fixture(scope="session")
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    """The parts of this session. Of the bus use `nats_url` below, for streams of one's own."""
    wanted = request.config.getoption("backend")
    chosen: AbstractAsyncContextManager[Backend] = containers() if wanted == "containers" else parts()
    async with chosen as running:
        yield running


@pytest.fixture(scope="module")
async def nats_url(backend: Backend) -> str:
    """A bus on which all streams are declared and empty: nothing that an earlier module's tests published."""
    bus = await nats.connect(backend.nats_url)
    for stream in STREAMS:
        try:
            await bus.jetstream().delete_stream(stream.name)
        except NotFoundError:
            continue
    await bus.close()
    await bootstrap(backend.nats_url)
    return backend.nats_url


@pytest.fixture
def one_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For a simulated city; see `alone`."""
    with alone(tmp_path_factory):
        yield
