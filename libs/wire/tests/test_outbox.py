"""An event is in its stream if, and only if, its transaction committed; whatever dies in between."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from nats.aio.client import Client
from prometheus_client import REGISTRY
from sqlalchemy import func, select

from contracts.events import JobCreated
from contracts.ids import new_id
from stack.house import House
from wire import outbox as outbox_module
from wire.envelope import Letter, seal, unseal
from wire.outbox import Outbox, forget_inbox
from wire.publish import post
from wire.sql import Database, InboxRow, OutboxRow

if TYPE_CHECKING:
    from libs.wire.tests.conftest import Line, OpenDatabase, Until


async def waiting(database: Database) -> int:
    async with database.sessions() as session:
        return int(await session.scalar(select(func.count()).select_from(OutboxRow)) or 0)


async def commit(database: Database, *events: JobCreated, fail: bool = False) -> None:
    async with database.transaction() as tx:
        tx.emit(*events)
        if fail:
            raise ZeroDivisionError


@asynccontextmanager
async def at_work(*tasks: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """The outbox's tasks, as in a service: if one ends, the test does."""
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(task) for task in tasks]
        yield
        assert not [task for task in running if task.done()]
        for task in running:
            task.cancel()


async def test_committed_event_is_published_and_rolled_back_one_is_not(
    line: "Line", open_here: "OpenDatabase", until: "Until"
) -> None:
    """Invariant 5 of the design: no event without a commit."""
    outbox = Outbox()
    async with open_here(outbox.hand_over) as database, at_work(outbox.relay(line.nc, database)):
        with pytest.raises(ZeroDivisionError):
            await commit(database, line.event(1), fail=True)
        await commit(database, line.event(2))

        async def quiet() -> bool:
            return not await waiting(database)

        await until(quiet)
    assert await line.kept() == 1


async def test_events_leave_in_the_order_of_their_commits(line: "Line", open_here: "OpenDatabase") -> None:
    outbox, came = Outbox(), await line.nc.subscribe(f"job.*.*.{line.customer}.*")
    async with open_here(outbox.hand_over) as database, at_work(outbox.relay(line.nc, database)):
        for number in range(0, 100, 2):
            await commit(database, line.event(number), line.event(number + 1))
        seen = [await came.next_msg(timeout=60) for _ in range(100)]
    events = [unseal(message.headers, message.data).event for message in seen]
    assert [event.job.version for event in events if isinstance(event, JobCreated)] == list(range(100))


async def test_event_committed_while_the_bus_is_away_is_swept_when_it_is_back(
    line: "Line", house: House, open_here: "OpenDatabase", until: "Until"
) -> None:
    """A11, B13: a dead bus neither fails nor delays the commit, and nothing is lost."""
    outbox = Outbox()
    async with (
        open_here(outbox.hand_over) as database,
        at_work(outbox.relay(line.nc, database), outbox.sweep(line.nc, database, 0.1)),
    ):
        await house.stop("nats")
        await commit(database, *(line.event(number) for number in range(600)))
        assert await waiting(database) == 600

        async def told() -> bool:
            return REGISTRY.get_sample_value("waggle_outbox_waiting") == 600

        await until(told)
        await house.start("nats")

        async def quiet() -> bool:
            return not await waiting(database)

        await until(quiet)
    assert await line.kept() == 600


async def test_event_of_a_process_that_died_after_its_commit_is_swept_by_another(
    line: "Line", open_here: "OpenDatabase", until: "Until"
) -> None:
    """B13: the letters were handed to nobody."""
    async with open_here() as database:
        await commit(database, line.event())
        assert await line.kept() == 0
    async with open_here() as database, at_work(Outbox().sweep(line.nc, database, 0.1)):

        async def quiet() -> bool:
            return not await waiting(database)

        await until(quiet)
    assert await line.kept() == 1


async def test_event_published_by_a_process_that_died_before_it_forgot_the_row_is_kept_once(
    line: "Line", open_here: "OpenDatabase", until: "Until"
) -> None:
    """Between PubAck and deletion: published again under the same Nats-Msg-Id, and dropped by the stream."""
    handed: list[Letter] = []
    async with open_here(handed.extend) as database:
        await commit(database, line.event())
        await post(line.nc.jetstream(), handed[0])
        assert (await line.kept(), await waiting(database)) == (1, 1)

        async def quiet() -> bool:
            return not await waiting(database)

        async with at_work(Outbox().sweep(line.nc, database, 0.1)):
            await until(quiet)
    assert await line.kept() == 1


async def test_letters_no_stream_takes_hold_up_no_others(
    line: "Line", open_here: "OpenDatabase", until: "Until"
) -> None:
    """More of them than fit a page, all older; they stay, and are asked for once a sweep."""
    async with open_here() as database:
        async with database.transaction() as tx:
            for _ in range(300):
                letter = seal(line.event())
                wrong = letter.headers | {"Nats-Expected-Stream": "OTHER"}
                tx.letters.append(Letter(letter.id, letter.subject, wrong, letter.body))
        await commit(database, line.event())

        async def arrived() -> bool:
            return await line.kept() == 1

        before = line.nc.stats["out_msgs"]
        async with at_work(Outbox().sweep(line.nc, database, 0.2)):
            await until(arrived)
            await asyncio.sleep(0.5)
        assert await waiting(database) == 300
        assert line.nc.stats["out_msgs"] - before < 6 * 301


async def test_more_letters_than_fit_the_queue_are_left_to_the_sweep(
    line: "Line", open_here: "OpenDatabase", until: "Until", monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits in memory is bounded; the table is what counts."""
    monkeypatch.setattr(outbox_module, "QUEUE", 10)
    outbox = Outbox()
    async with open_here(outbox.hand_over) as database:
        await commit(database, *(line.event(number) for number in range(50)))

        async def quiet() -> bool:
            return not await waiting(database)

        async with at_work(outbox.relay(line.nc, database), outbox.sweep(line.nc, database, 0.1)):
            await until(quiet)
    assert await line.kept() == 50


async def test_outbox_goes_on_when_the_database_was_away(
    line: "Line", house: House, open_here: "OpenDatabase", until: "Until", monkeypatch: pytest.MonkeyPatch
) -> None:
    """B13: restart of the database. Relay, sweep and the forgetting of inbox marks all outlive it."""
    monkeypatch.setattr(outbox_module, "FORGET_EVERY", 0.05)
    outbox = Outbox()
    async with open_here(outbox.hand_over) as database:
        tasks = (
            outbox.relay(line.nc, database),
            outbox.sweep(line.nc, database, 0.05),
            forget_inbox(database),
        )
        async with at_work(*tasks):
            await commit(database, line.event(1))
            await house.stop("postgres")
            outbox.hand_over([seal(line.event(2))])

            async def both() -> bool:
                return await line.kept() == 2

            await until(both)
            await asyncio.sleep(0.3)  # each task has met the absence
            await house.start("postgres")
            await commit(database, line.event(3))

            async def quiet() -> bool:
                return not await waiting(database) and await line.kept() == 3

            await until(quiet)


async def test_inbox_marks_are_forgotten_when_no_redelivery_can_come(
    database: Database, until: "Until", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "FORGET_EVERY", 0.05)
    old, new = new_id(), new_id()
    now = datetime.now(UTC)
    async with database.sessions.begin() as session:
        session.add(InboxRow(consumer="c", event_id=old, applied_at=now - timedelta(days=9)))
        session.add(InboxRow(consumer="c", event_id=new, applied_at=now - timedelta(days=7)))

    async def forgotten() -> bool:
        async with database.sessions() as session:
            return list(await session.scalars(select(InboxRow.event_id))) == [new]  # type: ignore[call-overload]

    async with at_work(forget_inbox(database)):
        await until(forgotten)


async def test_sweep_does_not_run_hot_while_streams_are_missing(
    house: House, open_here: "OpenDatabase"
) -> None:
    """A full page that nobody answers for is asked for once a sweep, not without a pause."""
    async with open_here() as database:
        async with database.transaction() as tx:
            tx.letters.extend(Letter(new_id(), "nobody.listens", {}, b"") for _ in range(600))
        client = Client()
        await client.connect(house.nats_url)
        async with at_work(Outbox().sweep(client, database, 0.2)):
            await asyncio.sleep(1)
        assert 256 <= client.stats["out_msgs"] <= 5 * 256
        await client.close()
        assert await waiting(database) == 600
