"""Real parts for the tests of wire: one nats-server and one PostgreSQL a session, apart by names.

Each test has a customer, durables and a database of its own, so nothing needs to be cleaned up between them.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
import structlog
from nats.aio.client import Client
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel

from contracts.events import Event, JobCreated
from contracts.ids import new_id
from contracts.models import Job, JobStatus
from contracts.streams import Consumer
from contracts.subjects import dead_letter
from stack.house import House
from stack.parts import parts
from wire.bootstrap import bootstrap, ensure_consumer
from wire.connection import connect
from wire.envelope import Letter, seal
from wire.inbox import Handler
from wire.publish import post
from wire.settings import DatabaseSettings
from wire.sql import Database, Transaction, open_database

structlog.configure(  # as services do; structlog's own tracebacks take longer than what is tested
    processors=[structlog.processors.ExceptionRenderer(), structlog.dev.ConsoleRenderer(colors=False)]
)

KEY = "a secret that is long enough for HS256"


class Effect(SQLModel, table=True):
    """What a handler did: one row a time."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    job_id: UUID
    number: int


async def _until(true: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Asks again and again: for states of a server that tells nobody when it reaches them."""
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.02)


Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    return _until


@pytest.fixture
def handlers() -> dict[type[Event], Handler]:
    """Each job created has its effect: one row."""

    async def effect(tx: Transaction, event: JobCreated) -> None:
        tx.session.add(Effect(job_id=event.job_id, number=event.job.version))

    return {JobCreated: effect}


@pytest.fixture
def effects() -> Callable[[Database], Awaitable[int]]:
    """How many effects a database has."""

    async def count(database: Database) -> int:
        async with database.sessions() as session:
            return int(await session.scalar(select(func.count()).select_from(Effect)) or 0)

    return count


@pytest.fixture(scope="session")
def settings() -> Callable[..., DatabaseSettings]:
    """Settings of a service, but for what is given."""

    def made(**given: Any) -> DatabaseSettings:
        return DatabaseSettings(**({"jwt_key": KEY, "database_url": "postgresql+asyncpg:///none"} | given))

    return made


@dataclass
class Line:
    """The jobs of one customer, and a durable consumer of their creation alone."""

    nc: Client
    consumer: Consumer
    customer: str
    job: UUID = field(default_factory=new_id)

    def event(self, number: int = 1, job: UUID | None = None) -> JobCreated:
        """`number` is the version of the job in it."""
        job_id, now = job or self.job, datetime.now(UTC)
        made = Job(
            id=job_id,
            number="W-1",
            customer_id=self.customer,
            service_type="courier",
            status=JobStatus.pending,
            version=number,
            total_price="12.50",
            created_at=now,
            updated_at=now,
        )
        return JobCreated(job_id=job_id, customer_id=self.customer, job=made)

    async def send(self, *events: JobCreated) -> None:
        js = self.nc.jetstream()
        await asyncio.gather(*(post(js, seal(event)) for event in events))

    async def again(self, letter: Letter) -> None:
        """The same event as a second message of the stream, as after the duplicate window."""
        headers = letter.headers | {"Nats-Msg-Id": str(new_id())}
        await post(self.nc.jetstream(), replace(letter, headers=headers))

    async def info(self) -> dict[str, Any]:
        subject = f"$JS.API.CONSUMER.INFO.{self.consumer.stream}.{self.consumer.durable}"
        answer: dict[str, Any] = json.loads((await self.nc.request(subject, timeout=30)).data)
        return answer

    async def settled(self, deliveries: int, but: int = 0) -> None:
        """After so many deliveries all messages were acknowledged or terminated, `but` so many."""

        async def done() -> bool:
            info = await self.info()
            enough = info["delivered"]["consumer_seq"] >= deliveries and info["num_pending"] == 0
            return bool(enough and info["num_ack_pending"] <= but)

        await _until(done)

    async def kept(self, subject: str = "") -> int:
        """How many messages the streams have of this line (or of `subject`)."""
        answer = await self.nc.request(
            f"$JS.API.STREAM.INFO.{self.consumer.stream}",
            json.dumps({"subjects_filter": subject or f"job.*.*.{self.customer}.*"}).encode(),
            timeout=5,
        )
        return sum((json.loads(answer.data)["state"].get("subjects") or {}).values())

    async def dead(self) -> AsyncIterator[Any]:
        """Dead letters of this consumer, from now on."""
        subscription = await self.nc.subscribe(dead_letter(self.consumer.durable))
        await self.nc.flush()
        return subscription.messages


@pytest_asyncio.fixture(scope="session")
async def house() -> AsyncIterator[House]:
    async with parts() as house:
        await bootstrap(house.nats_url)
        yield house


@pytest_asyncio.fixture
async def nc(house: House) -> AsyncIterator[Client]:
    async with connect(Client(), house.nats_url, name="test") as client:
        yield client


@pytest_asyncio.fixture
async def make_line(nc: Client) -> Callable[..., Awaitable[Line]]:
    async def make(*, ack_wait: float = 5, declared: bool = True) -> Line:
        customer = f"c-{uuid.uuid4().hex[:8]}"
        consumer = Consumer(
            "DISPATCH", f"d-{customer}", (f"job.*.*.{customer}.*",), timedelta(seconds=ack_wait)
        )
        if declared:
            await ensure_consumer(nc, consumer)
        return Line(nc, consumer, customer)

    return make


@pytest_asyncio.fixture
async def line(make_line: Callable[..., Awaitable[Line]]) -> Line:
    return await make_line()


@pytest_asyncio.fixture(scope="session")
async def template(house: House) -> str:
    """Name of a database with the tables of wire."""
    url = await house.fresh_database()
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        tables = [SQLModel.metadata.tables[name] for name in ("outbox", "inbox", "effect")]
        await connection.run_sync(SQLModel.metadata.create_all, tables)
    await engine.dispose()
    return engine.url.database or ""


@pytest.fixture
async def database_url(house: House, template: str) -> str:
    return await house.fresh_database(template)


OpenDatabase = Callable[..., AbstractAsyncContextManager[Database]]


@pytest.fixture
def open_here(database_url: str, settings: Callable[..., DatabaseSettings]) -> OpenDatabase:
    """The test's database, opened as a service opens it; letters go to `hand_over`, or nowhere."""

    @asynccontextmanager
    async def opened(hand_over: Callable[[list[Letter]], None] = lambda _: None) -> AsyncIterator[Database]:
        async with open_database(settings(database_url=database_url), hand_over) as database:
            yield database

    return opened


@pytest.fixture
async def database(open_here: OpenDatabase) -> AsyncIterator[Database]:
    async with open_here() as database:
        yield database
