"""The wording of service types as matching told it: kept here, so that a push never waits for matching."""

import asyncio
from collections.abc import Collection
from contextlib import aclosing
from typing import Any

import nats.errors
import stamina
import structlog
from nats.aio.client import Client
from nats.js.errors import APIError
from sqlalchemy import JSON, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from contracts.service_types import ServiceTypeChanged
from contracts.streams import PUSH_SERVICE_TYPES, SERVICE_TYPES
from contracts.subjects import all_of
from contracts.wording import Words
from push.wording import Wording
from wire import history
from wire.consume import consume
from wire.envelope import UndecodableError, unseal
from wire.inbox import once
from wire.problem import ProblemError
from wire.sql import Database, Transaction

log = structlog.get_logger()

AWAY = (nats.errors.Error, TimeoutError, APIError, ProblemError, DBAPIError)
"""The bus, the stream, the database, or its newest schema."""


class WordingRow(SQLModel, table=True):
    """What a service type says, as of this version of it."""

    __tablename__ = "wording"
    service_type: str = Field(primary_key=True)
    version: int
    words: dict[str, Any] = Field(sa_type=JSON)


async def changed(tx: Transaction, event: ServiceTypeChanged) -> None:
    """Keep it, unless something newer is known: copies and latecomers change nothing."""
    words = {name: one.model_dump(mode="json") for name, one in event.wording.items()}
    row = {"service_type": event.service_type, "version": event.version, "words": words}
    statement = insert(WordingRow).values(row)
    later = col(WordingRow.version) < event.version
    await tx.session.execute(
        statement.on_conflict_do_update(index_elements=["service_type"], set_=row, where=later)
    )


async def wordings_of(session: AsyncSession, service_types: Collection[str]) -> dict[str, Wording]:
    """What these say in words of their own, by service type; those that have none are missing."""
    if not service_types:
        return {}
    found = select(WordingRow).where(col(WordingRow.service_type).in_(service_types))
    return {
        row.service_type: {name: Words.model_validate(one) for name, one in row.words.items()}
        for row in await session.scalars(found)
        if row.words
    }


async def follow(nc: Client, database: Database) -> None:
    """For ever: what is said from now on, and what was said before."""
    async with asyncio.TaskGroup() as group:
        group.create_task(relearn(nc, database))
        apply = once(database, PUSH_SERVICE_TYPES.durable, {ServiceTypeChanged: changed})
        group.create_task(consume(nc, PUSH_SERVICE_TYPES, apply, lanes=1))


async def relearn(nc: Client, database: Database) -> None:
    """Read all that the stream keeps, once: a database that was made anew knows nothing, while the consumer
    has had it all. Until this is done the notifications of such a start are in the requirements' words."""
    async for attempt in stamina.retry_context(on=AWAY, attempts=None, timeout=None, wait_max=5):
        with attempt:
            await _read(nc, database)


async def _read(nc: Client, database: Database) -> None:
    async with aclosing(history.pages(nc, SERVICE_TYPES.name, all_of(ServiceTypeChanged))) as pages:
        async for page in pages:
            async with database.transaction() as tx:
                for message in page:
                    try:
                        event = unseal(message.headers, message.data).event
                    except UndecodableError as error:  # the consumer has it buried
                        log.warning("service_type.undecodable", reason=str(error)[:300])
                        continue
                    if isinstance(event, ServiceTypeChanged):
                        await changed(tx, event)
