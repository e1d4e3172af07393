"""Each event applied once, a job's in order, none lost, none stuck."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.events import Event, JobCreated
from contracts.ids import new_id
from wire.consume import RejectedError, consume
from wire.envelope import seal, unseal
from wire.inbox import Handler, once
from wire.sql import Database, Transaction

if TYPE_CHECKING:
    from libs.wire.tests.conftest import Line

Count = Callable[[Database], Awaitable[int]]
Handlers = dict[type[Event], Handler]


async def test_event_delivered_twice_is_applied_once(
    line: "Line", database: Database, handlers: Handlers, effects: Count, nc: Client
) -> None:
    """Invariant 5 of the design."""
    letter = seal(line.event())
    await line.again(letter)
    await line.again(letter)
    assert await line.kept() == 2
    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(nc, line.consumer, once(database, "c", handlers)))
        await line.settled(2)
        task.cancel()
    assert await effects(database) == 1


async def test_two_services_apply_the_same_event_each(
    line: "Line", database: Database, handlers: Handlers, effects: Count, nc: Client
) -> None:
    """The inbox is one a consumer."""
    letter = seal(line.event())
    message = Msg(_client=nc, subject=letter.subject, data=letter.body, headers=letter.headers)
    for consumer in ("one", "other", "one"):
        await once(database, consumer, handlers)(message)
    assert await effects(database) == 2


async def test_failed_event_comes_again_and_leaves_nothing_behind_until_applied(
    line: "Line", database: Database, handlers: Handlers, effects: Count, nc: Client
) -> None:
    tries = 0

    async def twice_in_vain(tx: Transaction, event: JobCreated) -> None:
        nonlocal tries
        tries += 1
        await handlers[JobCreated](tx, event)
        await tx.session.flush()
        if tries < 3:
            raise OSError("not today")

    await line.send(line.event())
    async with asyncio.TaskGroup() as group:
        apply = once(database, "c", {JobCreated: twice_in_vain})
        task = group.create_task(consume(nc, line.consumer, apply))
        await line.settled(3)
        task.cancel()
    assert tries == 3
    assert await effects(database) == 1


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        ({"ce-type": "job.sung"}, None, "unknown event type 'job.sung'"),
        ({"ce-type": ""}, None, "unknown event type ''"),
        ({}, b"{", "not a job.created"),
        ({}, b'{"job_id": 1}', "not a job.created"),
        ({}, b"\xff\x00", "not a job.created"),
        ({}, b"", "not a job.created"),
        ({"ce-id": "7"}, None, "bad CloudEvents attribute"),
        ({"ce-time": "noon"}, None, "bad CloudEvents attribute"),
        ({"Status": "100"}, b"", "not a job.created"),
    ],
)
async def test_undecodable_event_becomes_a_dead_letter_with_the_reason(  # noqa: PLR0917
    line: "Line",
    database: Database,
    handlers: Handlers,
    effects: Count,
    nc: Client,
    headers: dict[str, str],
    body: bytes | None,
    reason: str,
) -> None:
    """Issue 2, bad input: events that don't decode."""
    letter = seal(line.event())
    sent = letter.headers | headers
    dead = await line.dead()
    await nc.publish(letter.subject, letter.body if body is None else body, headers=sent)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(nc, line.consumer, once(database, "c", handlers)))
        buried = await anext(aiter(dead))
        await line.settled(1)
        await line.send(line.event(2))
        await line.settled(2)
        task.cancel()
    assert buried.headers["Dead-Reason"].startswith(reason)
    assert buried.headers["Dead-Subject"] == letter.subject
    assert buried.headers["ce-id"] == sent["ce-id"]
    assert buried.data == (letter.body if body is None else body)
    assert (await line.info())["delivered"]["consumer_seq"] == 2
    assert await effects(database) == 1


async def test_rejected_event_becomes_a_dead_letter_and_its_effects_are_undone(
    line: "Line", database: Database, handlers: Handlers, effects: Count, nc: Client
) -> None:
    async def reject(tx: Transaction, event: JobCreated) -> None:
        await handlers[JobCreated](tx, event)
        await tx.session.flush()
        raise RejectedError("no such\r\nservice type ż")

    dead = await line.dead()
    await line.send(line.event())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(nc, line.consumer, once(database, "c", {JobCreated: reject})))
        buried = await anext(aiter(dead))
        await line.settled(1)
        task.cancel()
    assert buried.headers["Dead-Reason"] == "no such service type \\u017c"
    assert await effects(database) == 0


async def test_event_that_the_server_copied_here_is_not_believed(
    line: "Line", database: Database, handlers: Handlers, effects: Count, nc: Client
) -> None:
    """Who may write to a stream and read it could otherwise write to another: by being answered there."""
    letter, place = seal(line.event()), f"driver.disconnected.{line.customer}"
    stored = await nc.jetstream().publish(place, letter.body, headers=dict(letter.headers))
    dead = await line.dead()
    wish = json.dumps({"seq": stored.seq}).encode()
    await nc.publish("$JS.API.DIRECT.GET.DRIVERS", wish, reply=letter.subject)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(nc, line.consumer, once(database, "c", handlers)))
        buried = await anext(aiter(dead))
        await line.settled(1)
        task.cancel()
    assert buried.headers["Dead-Reason"] == "not published by its service, but copied out of a stream"
    assert await effects(database) == 0


async def test_events_of_a_job_stay_in_order_while_jobs_overlap(line: "Line", nc: Client) -> None:
    """Issue 2 item 3: a job's events one after the other, however many lanes."""
    jobs = [new_id() for _ in range(20)]
    seen: dict[UUID, list[int]] = defaultdict(list)
    under_way: set[UUID] = set()
    most = 0

    async def apply(message: Msg) -> None:
        nonlocal most
        event = unseal(message.headers, message.data).event
        assert isinstance(event, JobCreated)
        assert event.job_id not in under_way
        under_way.add(event.job_id)
        most = max(most, len(under_way))
        for _ in range(event.job_id.int % 7):
            await asyncio.sleep(0)
        seen[event.job_id].append(event.job.version)
        under_way.remove(event.job_id)

    for number in range(20):
        await line.send(*(line.event(number, job) for job in jobs))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(nc, line.consumer, apply, lanes=8))
        await line.settled(400)
        task.cancel()
    assert all(seen[job] == list(range(20)) for job in jobs)
    assert 1 < most <= 8


async def test_events_nobody_handles_are_acknowledged(line: "Line", database: Database, nc: Client) -> None:
    await line.send(line.event())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(nc, line.consumer, once(database, "c", {})))
        await line.settled(1)
        task.cancel()


async def test_handler_that_is_cancelled_from_within_costs_no_lane(line: "Line", nc: Client) -> None:
    """A library may let a CancelledError out; a lane that ended by it would stop silently."""
    tries = 0

    async def apply(message: Msg) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise asyncio.CancelledError

    await line.send(line.event(1), line.event(2))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(nc, line.consumer, apply, lanes=1))
        await line.settled(3)
        task.cancel()
    assert tries == 3


async def test_handler_that_hangs_is_given_up_and_its_event_comes_again(
    line: "Line", nc: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lane whose handler never returns would be stuck for ever."""
    monkeypatch.setattr("wire.consume.HANDLING_SECONDS", 0.2)
    tries = 0

    async def apply(message: Msg) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            await asyncio.Event().wait()

    await line.send(line.event())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(nc, line.consumer, apply, lanes=1))
        await line.settled(2)
        task.cancel()


async def test_events_that_wait_longer_than_ack_wait_are_not_delivered_again(
    make_line: Callable[..., Awaitable["Line"]], nc: Client
) -> None:
    """Copies of what only waits its turn would make a slow consumer slower."""
    line = await make_line(ack_wait=1)
    go_on, deliveries = asyncio.Event(), 0

    async def apply(message: Msg) -> None:
        nonlocal deliveries
        deliveries += 1
        await go_on.wait()

    await line.send(*(line.event(number) for number in range(100)))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(nc, line.consumer, apply, lanes=1))
        await asyncio.sleep(3)  # three times ack_wait: the time itself is what is tested
        go_on.set()
        await line.settled(100)
        task.cancel()
    assert deliveries == 100
    assert (await line.info())["delivered"]["consumer_seq"] == 100
