"""What push hears on the bus: each event's notifications are recorded, and only then sent by others."""

import asyncio
from collections.abc import Mapping

from nats.aio.msg import Msg

from contracts.events import Event
from contracts.streams import PUSH_DISPATCH
from push import usecases
from push.policy import RULES, notifications
from wire.consume import Apply
from wire.inbox import Handler, once
from wire.sql import Database, Transaction


async def tell(tx: Transaction, event: Event) -> None:
    """Record what this event is told as, to whom, and queue it for their devices."""
    if tx.cause is None:
        raise ValueError("an event is applied by `once`")
    for told in notifications(event, tx.cause.time):
        await usecases.notify(tx, told, tx.cause.id)


HANDLERS: Mapping[type[Event], Handler] = dict.fromkeys(RULES, tell)


def applying(database: Database, wake: asyncio.Event) -> Apply:
    """Apply events, and wake the sender after the commit. Nothing here waits for a push (A11)."""
    record = once(database, PUSH_DISPATCH.durable, HANDLERS)

    async def apply(message: Msg) -> None:
        await record(message)
        wake.set()

    return apply
