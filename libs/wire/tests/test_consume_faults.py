"""The same promises when processes, the server and the connection die."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError

from contracts.events import Event
from stack.house import House
from wire import connection
from wire.bootstrap import ensure_consumer
from wire.connection import connect
from wire.consume import consume
from wire.inbox import Handler, once
from wire.sql import Database

if TYPE_CHECKING:
    from libs.wire.tests.conftest import Line, Until

Count = Callable[[Database], Awaitable[int]]
Handlers = dict[type[Event], Handler]
MakeLine = Callable[..., Awaitable["Line"]]


@pytest.fixture
def no_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is missed, so nothing is made up for by asking again after ten seconds."""
    monkeypatch.setattr("wire.pull.HEARTBEAT", 600)
    monkeypatch.setattr("wire.pull.EXPIRES", 3600)


async def test_process_that_dies_between_commit_and_ack_has_applied_its_event_once(  # noqa: PLR0917
    make_line: MakeLine,
    house: House,
    database_url: str,
    database: Database,
    handlers: Handlers,
    effects: Count,
) -> None:
    """B13, invariant 5 of the design: kill -9 between the commit and the acknowledgement."""
    line = await make_line(ack_wait=1)
    await line.send(line.event())
    victim = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).parent / "victim.py"),
        house.nats_url,
        database_url,
        line.consumer.durable,
        *line.consumer.filters,
    )
    assert await victim.wait() == -signal.SIGKILL
    assert await effects(database) == 1
    assert (await line.info())["num_ack_pending"] == 1

    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(line.nc, line.consumer, once(database, "c", handlers)))
        await line.settled(2)
        task.cancel()
    assert await effects(database) == 1


async def test_server_killed_in_the_middle_of_it_loses_and_repeats_nothing(
    make_line: MakeLine, house: House, database: Database, handlers: Handlers, effects: Count
) -> None:
    """B13: kill -9 of the bus."""
    line = await make_line(ack_wait=1)
    await line.send(*(line.event(number) for number in range(300)))
    half, apply = asyncio.Event(), once(database, "c", handlers)
    tries = 0

    async def counted(message: Msg) -> None:
        nonlocal tries
        tries += 1
        if tries == 150:
            half.set()
        await apply(message)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(line.nc, line.consumer, counted, lanes=4))
        await half.wait()
        await house.kill("nats")
        await line.send(*(line.event(number) for number in range(300, 400)))
        await line.settled(400)
        task.cancel()
    assert await effects(database) == 400


async def test_idle_consumer_hears_at_once_after_the_server_was_restarted(
    line: "Line", house: House, no_heartbeats: None
) -> None:
    """The open request dies with its connection."""
    came: asyncio.Queue[int] = asyncio.Queue()

    async def apply(message: Msg) -> None:
        came.put_nowait(1)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(line.nc, line.consumer, apply))
        await line.send(line.event(1))
        await came.get()
        await line.settled(1)
        await house.kill("nats")
        await line.send(line.event(2))
        await came.get()
        task.cancel()


async def test_request_that_was_lost_is_made_again_when_heartbeats_are_missing(
    line: "Line", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wire.pull.HEARTBEAT", 0.5)
    came: asyncio.Queue[int] = asyncio.Queue()
    sent, publish = 0, line.nc.publish

    async def lossy(subject: str, *args: object, **more: object) -> None:
        nonlocal sent
        if subject.startswith("$JS.API.CONSUMER.MSG.NEXT"):
            sent += 1
            if sent == 1:
                return  # lost on its way
        await publish(subject, *args, **more)  # type: ignore[arg-type]

    async def apply(message: Msg) -> None:
        came.put_nowait(1)

    monkeypatch.setattr(line.nc, "publish", lossy)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(line.nc, line.consumer, apply))
        await line.send(line.event())
        await came.get()
        task.cancel()
    assert sent > 1


async def test_consumer_that_is_made_after_the_service_started_is_found(
    make_line: MakeLine, until: "Until", no_heartbeats: None
) -> None:
    """Issue 2, done when: start order does not matter."""
    line = await make_line(declared=False)
    await line.send(line.event())
    applied = asyncio.Event()

    async def apply(message: Msg) -> None:
        applied.set()

    async def refused() -> bool:
        return line.nc.stats["in_msgs"] > before

    before = line.nc.stats["in_msgs"]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(line.nc, line.consumer, apply))
        await until(refused)
        await ensure_consumer(line.nc, line.consumer)
        await applied.wait()
        task.cancel()


async def test_consumer_that_was_deleted_and_made_again_is_used_again(
    line: "Line", no_heartbeats: None
) -> None:
    applied: asyncio.Queue[int] = asyncio.Queue()

    async def apply(message: Msg) -> None:
        applied.put_nowait(1)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(line.nc, line.consumer, apply))
        await line.send(line.event(1))
        await applied.get()
        await line.settled(1)
        await line.nc.jetstream().delete_consumer(line.consumer.stream, line.consumer.durable)
        await ensure_consumer(line.nc, line.consumer)
        await applied.get()  # a new consumer begins at the beginning
        task.cancel()


async def test_cancelled_consumer_finishes_what_it_does_and_gives_back_the_rest_at_once(
    make_line: MakeLine, house: House
) -> None:
    """Issue 2 item 3: SIGTERM drains. `ack_wait` is out of reach, so only a nak brings the others back."""
    line = await make_line(ack_wait=600)
    await line.send(*(line.event(number) for number in range(200)))
    begun, go_on = asyncio.Event(), asyncio.Event()
    done: list[str] = []
    finished: list[str] = []

    async def apply(message: Msg) -> None:
        done.append((message.headers or {})["ce-id"])

    async def apply_later(message: Msg) -> None:
        begun.set()
        await go_on.wait()
        finished.append((message.headers or {})["ce-id"])

    async with asyncio.TaskGroup() as group:
        leaving = group.create_task(consume(line.nc, line.consumer, apply_later, lanes=1))
        await begun.wait()
        async with connect(Client(), house.nats_url, name="successor") as other:
            leaving.cancel()
            successor = group.create_task(consume(other, line.consumer, apply, lanes=1))
            await line.settled(200, but=1)
            assert len(done) == 199
            go_on.set()
            await asyncio.wait({leaving})
            await line.settled(200)
            successor.cancel()
            await asyncio.wait({successor})
    assert len(finished) == 1
    assert len(set(done + finished)) == 200


async def test_failure_while_the_server_is_away_and_the_client_full_does_not_end_the_service(
    make_line: MakeLine, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the nak nor the next request can be sent; both are made up for later."""
    monkeypatch.setattr(connection, "PENDING_BYTES", 1)
    line = await make_line(ack_wait=1)
    await line.send(line.event())
    begun, go_on, applied = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def apply(message: Msg) -> None:
        if begun.is_set():
            applied.set()
            return
        begun.set()
        await go_on.wait()
        raise OSError("the server is away, too")

    async with connect(Client(), house.nats_url, name="full") as nc, asyncio.TaskGroup() as group:
        task = group.create_task(consume(nc, line.consumer, apply, lanes=1))
        await begun.wait()
        await house.stop("nats")
        go_on.set()
        await asyncio.sleep(0.2)  # what would end the service, if anything, comes at once
        assert not task.done()
        await house.start("nats")
        await applied.wait()
        task.cancel()


async def test_connection_that_is_closed_for_good_ends_the_consumer_loudly(
    line: "Line", house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that only stopped would leave a service that looks alive."""
    monkeypatch.setattr("wire.pull.HEARTBEAT", 0.5)

    async def apply(message: Msg) -> None:
        pass

    client = Client()
    await client.connect(house.nats_url)
    task = asyncio.create_task(consume(client, line.consumer, apply))
    await line.nc.flush()
    await client.close()
    with pytest.raises(ExceptionGroup) as raised:
        async with asyncio.timeout(60):
            await task
    assert raised.group_contains(ConnectionClosedError)
