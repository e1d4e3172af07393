"""Deadlines that the bus keeps (E2, B13)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from nats.aio.client import Client

from contracts.ids import new_id
from contracts.streams import Consumer
from contracts.subjects import dead_letter, timer
from stack.house import House
from wire.bootstrap import ensure_consumer
from wire.consume import consume
from wire.inbox import due_once
from wire.outbox import Outbox
from wire.sql import Database, Transaction
from wire.timers import Cancellation, Schedule, cancel, schedule

if TYPE_CHECKING:
    from libs.wire.tests.conftest import OpenDatabase


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def undo(database: Database, unwanted: Schedule) -> None:
    async with database.transaction() as tx:
        tx.schedule(unwanted)
        raise ZeroDivisionError


class Bell:
    """Hears the deadlines of one kind, and when."""

    def __init__(self, nc: Client, database: Database) -> None:
        self.kind = f"k{new_id().hex}"
        self.consumer = Consumer("TIMERS", f"t-{self.kind}", (f"due.{self.kind}.>",))
        self.rung: asyncio.Queue[tuple[UUID, datetime]] = asyncio.Queue()
        self._nc, self._database = nc, database

    async def hear(self, tx: Transaction, subject_id: UUID) -> None:
        self.rung.put_nowait((subject_id, tx.now))

    async def listen(self) -> None:
        await consume(self._nc, self.consumer, due_once(self._database, {self.kind: self.hear}))

    async def next(self) -> tuple[UUID, datetime]:
        async with asyncio.timeout(60):
            return await self.rung.get()


@pytest.fixture
async def bell(nc: Client, database: Database) -> AsyncIterator[Bell]:
    bell = Bell(nc, database)
    await ensure_consumer(nc, bell.consumer)
    task = asyncio.create_task(bell.listen())
    yield bell
    assert not task.done()
    task.cancel()
    await asyncio.wait({task})


async def test_deadline_is_announced_at_its_time(bell: Bell, nc: Client) -> None:
    """E2. Early would be wrong; late by 3 to 250 ms was measured."""
    at, job = soon(1), new_id()
    await schedule(nc.jetstream(), Schedule(bell.kind, job, at))
    rung, when = await bell.next()
    assert rung == job
    assert at <= when < at + timedelta(seconds=5)


async def test_deadline_that_is_past_is_announced_at_once(bell: Bell, nc: Client) -> None:
    job = new_id()
    await schedule(nc.jetstream(), Schedule(bell.kind, job, soon(-60)))
    assert (await bell.next())[0] == job


async def test_later_deadline_of_the_same_subject_replaces_the_earlier(bell: Bell, nc: Client) -> None:
    """One schedule a subject."""
    job, later = new_id(), soon(2)
    await schedule(nc.jetstream(), Schedule(bell.kind, job, soon(1)))
    await schedule(nc.jetstream(), Schedule(bell.kind, job, later))
    _, when = await bell.next()
    assert when >= later
    assert bell.rung.empty()


async def test_cancelled_deadline_is_not_announced(bell: Bell, nc: Client) -> None:
    unwanted, wanted = new_id(), new_id()
    await schedule(nc.jetstream(), Schedule(bell.kind, unwanted, soon(5)))
    await schedule(nc.jetstream(), Schedule(bell.kind, wanted, soon(5.5)))
    await cancel(nc, timer(bell.kind, unwanted))
    assert (await bell.next())[0] == wanted
    assert bell.rung.empty()


async def test_deadlines_survive_kill_9_of_the_server(bell: Bell, nc: Client, house: House) -> None:
    """E2, B13: due during the outage, and after it."""
    during, after = new_id(), new_id()
    await schedule(nc.jetstream(), Schedule(bell.kind, during, soon(0.3)))
    await schedule(nc.jetstream(), Schedule(bell.kind, after, soon(3)))
    await house.stop("nats")
    await asyncio.sleep(0.4)
    await house.start("nats")
    await house.kill("nats")
    assert {(await bell.next())[0], (await bell.next())[0]} == {during, after}


async def test_deadlines_go_out_and_are_cancelled_with_the_transaction(
    bell: Bell, nc: Client, open_here: "OpenDatabase"
) -> None:
    """E2: the outbox publishes the schedule; a rolled back one never existed."""
    outbox = Outbox()
    unwanted, wanted, undone = new_id(), new_id(), new_id()
    async with open_here(outbox.hand_over) as database, asyncio.TaskGroup() as group:
        relay = group.create_task(outbox.relay(nc, database))
        async with database.transaction() as tx:
            tx.schedule(Schedule(bell.kind, unwanted, soon(5)), Schedule(bell.kind, wanted, soon(5.5)))
        with pytest.raises(ZeroDivisionError):
            await undo(database, Schedule(bell.kind, undone, soon(1)))
        async with database.transaction() as tx:
            tx.cancel(Cancellation(bell.kind, unwanted))
        assert (await bell.next())[0] == wanted
        assert bell.rung.empty()
        relay.cancel()


async def test_deadline_of_unknown_kind_becomes_a_dead_letter(nc: Client, database: Database) -> None:
    """A fired timer carries the server's own headers, which the dead letter must not repeat."""
    kind = f"k{new_id().hex}"
    consumer = Consumer("TIMERS", f"t-{kind}", (f"due.{kind}.>",))
    await ensure_consumer(nc, consumer)
    dead = await nc.subscribe(dead_letter(consumer.durable))
    await schedule(nc.jetstream(), Schedule(kind, new_id(), soon(0)))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume(nc, consumer, due_once(database, {})))
        buried = await dead.next_msg(timeout=60)
        task.cancel()
    assert buried.headers is not None
    assert buried.headers["Dead-Reason"] == f"no deadline of kind '{kind}'"
    kept = await nc.jetstream().get_last_msg("DEAD", dead_letter(consumer.durable))
    assert kept.headers is not None
    assert not [name for name in kept.headers if name.startswith("Nats-") and name != "Nats-Msg-Id"]
