"""Continuous pull from a durable consumer: what other NATS clients call `consume`, and nats-py lacks.

Its `fetch(n)` waits until n messages came or the time is over, and `fetch(1)` costs a round trip a
message. Here a request for more is always open at the server, so a message arrives when it is stored
(docs/adr/0002).
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from contracts.streams import Consumer
from wire.connection import hear_out, on_reconnect

log = structlog.get_logger()

BATCH = 64
EXPIRES = 30.0
HEARTBEAT = 5.0
"""Seconds. Two heartbeats missed means the request was lost on the way: ask again."""
PAUSE = 1.0
"""Seconds until the next request after one that was refused, e.g. because there is no such consumer yet."""
UNSUBSCRIBED = 2.0
"""Seconds that the server may take to say that nothing more is on its way."""

_EXPIRED = {"404", "408"}
_NO_CONSUMER = "503"
_HEARTBEAT = "100"


async def messages(
    nc: Client,
    consumer: Consumer,
    arrived: Callable[[Msg], None] = lambda _: None,
    *,
    batch: int = BATCH,
) -> AsyncGenerator[Msg]:
    """Messages of `consumer` as they come, for ever. Survives reconnects, and a consumer made later.

    `batch`: how many are asked for at a time, and so the most that wait here.
    `arrived` hears of each when it comes, which may be long before it is taken. Close the generator
    (`contextlib.aclosing`): what came and was not taken is then given back at once. Raises
    ConnectionClosedError when the connection was closed for good.
    """
    inbox = nc.new_inbox()
    queue: asyncio.Queue[Msg | None] = asyncio.Queue()  # bounded by what is asked for

    async def put(message: Msg) -> None:
        if message.subject != inbox:
            arrived(message)
        queue.put_nowait(message)

    subscription = await nc.subscribe(inbox, cb=put)
    open_requests = 0
    try:
        with on_reconnect(nc, lambda: queue.put_nowait(None)):
            while True:
                if open_requests <= batch // 2 and await _ask(nc, consumer, inbox, batch - open_requests):
                    open_requests = batch
                try:
                    async with asyncio.timeout(2 * HEARTBEAT):
                        message = await queue.get()
                except TimeoutError:
                    open_requests = 0
                    continue
                if message is None:  # requests do not outlive their connection
                    open_requests = 0
                elif message.subject != inbox:
                    open_requests -= 1
                    yield message
                else:
                    open_requests = await _heard(message, open_requests)
    finally:
        await _leave(nc, subscription, queue)


async def _ask(nc: Client, consumer: Consumer, inbox: str, batch: int) -> bool:
    """Whether the request went out. Away from the server none does: they would pile up in the client."""
    if not (nc.is_connected or nc.is_closed):
        return False
    request = {"batch": batch, "expires": int(EXPIRES * 1e9), "idle_heartbeat": int(HEARTBEAT * 1e9)}
    subject = f"$JS.API.CONSUMER.MSG.NEXT.{consumer.stream}.{consumer.durable}"
    await nc.publish(subject, json.dumps(request).encode(), reply=inbox)
    return True


async def _heard(message: Msg, open_requests: int) -> int:
    """The server spoke of a request of ours; how many messages are asked for now."""
    headers = message.headers or {}
    status = headers.get("Status")
    if status == _HEARTBEAT:
        return open_requests
    if status not in _EXPIRED:
        missing = status == _NO_CONSUMER  # `waggle-streams` makes it
        log.warning(
            "consumer.missing" if missing else "consumer.request_refused",
            status=status,
            description=headers.get("Description"),
        )
        await asyncio.sleep(PAUSE)
    return max(0, open_requests - int(headers.get("Nats-Pending-Messages", open_requests)))


async def _leave(nc: Client, subscription: Subscription, queue: asyncio.Queue[Msg | None]) -> None:
    if nc.is_closed:
        return
    drained = asyncio.create_task(hear_out(nc, subscription))
    await asyncio.wait({drained}, timeout=UNSUBSCRIBED)
    if not drained.done() or drained.exception():
        log.warning("consumer.not_unsubscribed")
    while not queue.empty():
        if (message := queue.get_nowait()) and message.reply and not message.is_acked:
            await give_back(message)


async def give_back(message: Msg) -> None:
    """Have `message` delivered at once to whoever asks next; after `ack_wait` if that cannot be said now."""
    try:
        await message.nak()
    except nats.errors.Error as error:
        log.warning("event.not_given_back", subject=message.subject, error=repr(error))
