"""Handlers and a database as one `Apply`: inbox mark and effect in the same transaction."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import structlog
from nats.aio.msg import Msg

from contracts.events import Event
from wire.consume import Apply, RejectedError
from wire.envelope import UndecodableError, unseal
from wire.sql import Database, Transaction

Handler = Callable[[Transaction, Any], Awaitable[None]]
"""Applies one event in the given transaction."""
DueHandler = Callable[[Transaction, UUID], Awaitable[None]]
"""Looks at the deadline of one row."""


def once(database: Database, consumer: str, handlers: Mapping[type[Event], Handler]) -> Apply:
    """Each event applied once, however often it is delivered. Events nobody handles are only acknowledged."""

    async def apply(message: Msg) -> None:
        received = unseal(message.headers, message.data)
        handler = handlers.get(type(received.event))
        if handler is None:
            return
        job = getattr(received.event, "job_id", None)
        with structlog.contextvars.bound_contextvars(job_id=str(job) if job else None):
            async with database.transaction() as tx:
                tx.cause = received
                if await tx.first_time(consumer, received.id):
                    await handler(tx, received.event)

    return apply


def due_once(database: Database, handlers: Mapping[str, DueHandler]) -> Apply:
    """Announced deadlines, by kind. No inbox: the handlers re-read the row, so a copy does nothing."""

    def in_transaction(handler: DueHandler) -> Callable[[UUID], Awaitable[None]]:
        async def handle(subject_id: UUID) -> None:
            async with database.transaction() as tx:
                await handler(tx, subject_id)

        return handle

    return due_each({kind: in_transaction(handler) for kind, handler in handlers.items()})


def due_each(handlers: Mapping[str, Callable[[UUID], Awaitable[None]]]) -> Apply:
    """The same for handlers that ask somebody before they decide, and so make their own transactions."""

    async def apply(message: Msg) -> None:
        _, kind, _ = message.subject.split(".", 2)
        handler = handlers.get(kind)
        if handler is None:
            raise RejectedError(f"no deadline of kind {kind!r}")
        try:
            subject_id = UUID(message.data.decode())
        except ValueError as error:
            raise UndecodableError(f"not an id: {message.data[:40]!r}") from error
        await handler(subject_id)

    return apply
