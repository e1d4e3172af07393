"""Batches: each message answered for by what became of it, and one bad one spoils none of the others."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from nats.aio.msg import Msg

from contracts.events import JobCreated
from wire.consume_batches import ApplyBatch, consume_batches
from wire.envelope import UndecodableError, seal, unseal
from wire.held import RejectedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from libs.wire.tests.conftest import Line, Until


def number(message: Msg) -> int:
    event = unseal(message.headers, message.data).event
    assert isinstance(event, JobCreated)
    return event.job.version


@asynccontextmanager
async def consuming(line: "Line", apply: ApplyBatch, **options: float) -> "AsyncIterator[None]":
    async with asyncio.TaskGroup() as group:
        task = group.create_task(consume_batches(line.nc, line.consumer, apply, **options))  # type: ignore[arg-type]
        yield
        task.cancel()


def each(batches: list[list[int]], fault: Callable[[int], Exception | None] = lambda _: None) -> ApplyBatch:
    """Writes down what comes; answers `fault` of each."""

    async def apply(messages: Sequence[Msg]) -> list[Exception | None]:
        batches.append([number(message) for message in messages])
        return [fault(one) for one in batches[-1]]

    return apply


async def test_messages_come_in_batches_and_each_is_acknowledged(line: "Line") -> None:
    """C11"""
    batches: list[list[int]] = []
    await line.send(*(line.event(one) for one in range(100)))
    async with consuming(line, each(batches), most=30):
        await line.settled(100)
    assert sorted(one for batch in batches for one in batch) == list(range(100))
    assert max(map(len, batches)) <= 30 < len(batches) * 30
    assert (await line.info())["delivered"]["consumer_seq"] == 100


async def test_message_is_not_kept_waiting_for_a_full_batch(line: "Line") -> None:
    """C11"""
    batches: list[list[int]] = []
    async with consuming(line, each(batches)):
        await line.send(line.event(1))
        await line.settled(1)
        await line.send(line.event(2))
        await line.settled(2)
    assert batches == [[1], [2]]


async def test_of_a_batch_only_what_failed_comes_again_and_what_never_can_is_buried(line: "Line") -> None:
    """C11"""
    batches: list[list[int]] = []
    faults: dict[int, Exception] = {
        1: RejectedError("never"),
        2: UndecodableError("what"),
        3: OSError("later"),
    }
    dead = await line.dead()
    await line.send(*(line.event(one) for one in range(6)))
    async with consuming(line, each(batches, lambda one: faults.pop(one, None)), linger=1):
        reasons = {(await anext(dead)).headers["Dead-Reason"] for _ in range(2)}
        await line.settled(7)
    assert reasons == {"never", "what"}
    assert sorted(one for batch in batches for one in batch) == [0, 1, 2, 3, 3, 4, 5]


async def test_message_that_the_server_copied_here_is_buried_and_the_others_applied(line: "Line") -> None:
    """See test_consume: it was not published by who may."""
    batches: list[list[int]] = []
    letter = seal(line.event(7))
    place = f"driver.disconnected.{line.customer}"
    stored = await line.nc.jetstream().publish(place, letter.body, headers=dict(letter.headers))
    dead = await line.dead()
    await line.send(line.event(1))
    wish = json.dumps({"seq": stored.seq}).encode()
    await line.nc.publish("$JS.API.DIRECT.GET.DRIVERS", wish, reply=letter.subject)
    await line.send(line.event(2))
    async with consuming(line, each(batches), linger=1):
        await anext(dead)
        await line.settled(3)
    assert sorted(one for batch in batches for one in batch) == [1, 2]


async def test_message_that_spoils_its_batches_is_soon_alone(line: "Line") -> None:
    """C11: the others are applied, whatever it does."""
    applied: set[int] = set()
    done = asyncio.Event()

    async def apply(messages: Sequence[Msg]) -> list[Exception | None]:
        numbers = [number(message) for message in messages]
        if 3 in numbers:
            raise OSError("not with this one")
        applied.update(numbers)
        if len(applied) == 5:
            done.set()
        return [None] * len(messages)

    await line.send(*(line.event(one) for one in range(6)))
    async with consuming(line, apply, linger=0.5):
        async with asyncio.timeout(60):
            await done.wait()
        await line.settled(10, but=1)
    assert applied == {0, 1, 2, 4, 5}


async def test_cancelled_it_finishes_its_batch_and_gives_back_the_rest(
    make_line: Callable[..., Awaitable["Line"]], until: "Until"
) -> None:
    """C11: another replica has them at once."""
    line = await make_line(ack_wait=300)
    begun, go_on = asyncio.Event(), asyncio.Event()
    first: list[int] = []

    async def apply(messages: Sequence[Msg]) -> list[Exception | None]:
        first.extend(map(number, messages))
        begun.set()
        await go_on.wait()
        return [None] * len(messages)

    async def more_here() -> bool:
        return bool((await line.info())["num_ack_pending"] > len(first))

    await line.send(*(line.event(one) for one in range(20)))
    task = asyncio.create_task(consume_batches(line.nc, line.consumer, apply, most=5))
    await begun.wait()
    await until(more_here)
    task.cancel()
    asyncio.get_running_loop().call_soon(go_on.set)
    await asyncio.wait({task})
    batches: list[list[int]] = []
    async with consuming(line, each(batches)):
        await line.settled(20)
    rest = [one for batch in batches for one in batch]
    assert sorted(first + rest) == list(range(20))
