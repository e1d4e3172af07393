"""The connection to NATS: made sooner or later, kept for ever, drained at the end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from weakref import WeakKeyDictionary

import structlog
from nats.aio.client import Client
from nats.aio.subscription import Subscription

from contracts.streams import Consumer
from wire import refusals
from wire.access import OPEN, Access
from wire.metrics import CONNECTED

log = structlog.get_logger()

RECONNECT_WAIT = 0.5
"""Seconds between two tries of one server."""
PENDING_BYTES = 8 * 1024 * 1024
"""What may wait in the client while the server is away; past it a publish fails, and the outbox keeps it."""

_Calls = WeakKeyDictionary[Client, list[Callable[[], None]]]
_on_reconnect: _Calls = WeakKeyDictionary()
_on_disconnect: _Calls = WeakKeyDictionary()


@asynccontextmanager
async def connect(
    client: Client, url: str, *, name: str, access: Access = OPEN, drain_seconds: float = 10
) -> AsyncIterator[Client]:
    """Connect `client` as the user `name`. Waits for a server that is not there yet, or does not let it in,
    and reconnects for ever.

    The client is made by the caller so that health checks can look at it while this still waits.

    On leaving, what was sent is flushed and subscriptions end in order, within `drain_seconds`. If the client
    gives up (it does when the server answers with an error, e.g. that credentials have expired) the block
    ends with ConnectionError: a process that lives on with a dead connection would look alive.
    """
    life = asyncio.timeout(None)

    async def gave_up() -> None:
        if not leaving:
            life.reschedule(asyncio.get_running_loop().time())

    async def failed(error: Exception) -> None:
        # nats-py's own callback prints tracebacks; while a server is away that is one every half second.
        if not refusals.heard(client, error):
            log.warning("nats.error", error=repr(error))

    async def reconnected() -> None:
        log.info("nats.reconnected")
        _call(_on_reconnect, client)

    async def disconnected() -> None:
        log.warning("nats.disconnected")
        _call(_on_disconnect, client)

    leaving = False
    CONNECTED.set_function(lambda: float(client.is_connected))
    await client.connect(
        url,
        name=name,
        max_reconnect_attempts=-1,
        reconnect_time_wait=RECONNECT_WAIT,  # type: ignore[arg-type]  # any seconds will do
        ping_interval=10,
        pending_size=PENDING_BYTES,
        drain_timeout=max(1, int(drain_seconds)),
        error_cb=failed,
        disconnected_cb=disconnected,
        reconnected_cb=reconnected,
        closed_cb=gave_up,
        **access.options(name, url),
    )
    try:
        async with life:
            yield client
    except TimeoutError:
        if life.expired():
            raise ConnectionError(f"NATS ended the connection: {client.last_error}") from client.last_error
        raise
    finally:
        leaving = True
        await _end(client, drain_seconds)


async def _end(client: Client, seconds: float) -> None:
    if client.is_connected:
        # Not awaited directly: nats-py lets its own CancelledError out when the drain takes too long.
        drained = asyncio.create_task(client.drain())
        drained.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.wait({drained}, timeout=seconds)
    if not client.is_closed:
        log.warning("nats.drain_unfinished")
        with suppress(OSError):  # it tries to send what is pending, though the server is away
            await client.close()


def _call(listeners: _Calls, client: Client) -> None:
    for call in tuple(listeners.get(client, ())):
        call()


def on_reconnect(client: Client, call: Callable[[], None]) -> AbstractContextManager[None]:
    """`call` after each reconnect, while the block runs. For what the server forgets with a connection;
    subscriptions are made again by the client."""
    return _listening(_on_reconnect, client, call)


def on_disconnect(client: Client, call: Callable[[], None]) -> AbstractContextManager[None]:
    """`call` each time the connection is lost, while the block runs: before anything new can arrive."""
    return _listening(_on_disconnect, client, call)


@contextmanager
def _listening(listeners: _Calls, client: Client, call: Callable[[], None]) -> Iterator[None]:
    calls = listeners.setdefault(client, [])
    calls.append(call)
    try:
        yield
    finally:
        calls.remove(call)


async def hear_out(client: Client, subscription: Subscription) -> None:
    """End `subscription` once its callback has had all that the server sent. Raises nats.errors.Error.

    Run it in a task of its own that is not cancelled: nats-py's read loop ends when it hears the PONG of a
    flush that was.
    """
    # nats-py's drain writes its PING past the UNSUB, so the PONG alone does not say that nothing more comes.
    await client._send_unsubscribe(subscription._id)
    await client.flush()
    await subscription.drain()  # type: ignore[no-untyped-call]


def check(client: Client, *consumers: Consumer) -> Callable[[], Awaitable[None]]:
    """A readiness check: connected, and the consumers that this service reads from exist."""

    async def ready() -> None:
        if not client.is_connected:
            raise ConnectionError("not connected to NATS")
        for consumer in consumers:
            await client.jetstream().consumer_info(consumer.stream, consumer.durable, timeout=2)

    return ready
