"""What comes live while a client is told what it missed; each interleaving is forced (C7, invariant 8)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.msg import Msg

from realtime import deliver, progress, resume
from realtime.edge import Edge
from realtime.progress import Position
from realtime.recovery import Recovery, Told
from stack.ports import Reservation
from stack.tokens import mint

from . import made
from .conftest import KEY, Mark, Publish, running_edge, settings
from .phone import Phone

pytestmark = pytest.mark.usefixtures("neighbours")


@pytest_asyncio.fixture(scope="module")
async def url(nats_url: str, ports: Reservation, engine: str) -> AsyncIterator[str]:
    async with running_edge(settings(nats_url, ports.port(), engine=engine)) as url:
        yield url


async def come(url: str, person: str, offset: str | None = None) -> Phone:
    token = mint(person, "user", key=KEY)
    return await Phone().dial(url, token, recover=True, **({"offset": offset} if offset else {}))


def titles(phone: Phone) -> list[str]:
    return [payload["title"] for name, payload in phone.events if name == "notification"]


async def test_what_was_read_and_then_comes_live_is_told_once(
    url: str, publish: Publish, mark: Mark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The edge is behind: it delivers to others what this client has just been told."""
    person, gate, delivering = "ann-x1", asyncio.Event(), deliver.deliver
    first = await come(url, person)
    await first.greeted()
    await first.hang_up()

    async def behind(edge: Edge, message: Msg) -> None:
        await gate.wait()
        await delivering(edge, message)

    monkeypatch.setattr(deliver, "deliver", behind)
    staying = await Phone().dial(url, mint(person, "user", key=KEY))  # its edge hears of it live
    await publish(made.notification(person, "one"), made.notification(person, "two"))
    back = await come(url, person, first.offset)
    assert [(await back.next("notification"))["title"] for _ in range(2)] == ["one", "two"]
    gate.set()
    assert [(await staying.next("notification"))["title"] for _ in range(2)] == ["one", "two"]
    await mark(**{person: back})
    assert titles(back) == ["one", "two", "Hello"]
    for phone in (staying, back):
        await phone.hang_up()


async def test_what_comes_between_the_horizon_and_the_telling_is_told_after_it(
    url: str, publish: Publish, mark: Mark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live events overtake the reading; they are held."""
    person, looking = "ann-x2", progress.end_of_stream
    first = await come(url, person)
    await first.greeted()
    await first.hang_up()
    staying = await Phone().dial(url, mint(person, "user", key=KEY))
    await publish(made.notification(person, "missed"))
    await staying.next("notification")

    async def then_something_happens(nc: Client) -> Position:
        horizon = await looking(nc)
        await publish(made.notification(person, "meanwhile"))
        await staying.next("notification")  # so the edge has delivered it
        return horizon

    monkeypatch.setattr(resume, "end_of_stream", then_something_happens)
    back = await come(url, person, first.offset)
    await mark(**{person: back})
    assert titles(back) == ["missed", "meanwhile", "Hello"]
    monkeypatch.undo()
    again = await come(url, person, back.offset)
    await mark(**{person: again})
    assert titles(again) == ["Hello"]
    for phone in (staying, back, again):
        await phone.hang_up()


def test_a_socket_that_is_ahead_of_the_edge_is_passed_over_until_it_is_not() -> None:
    recovery = Recovery()
    recovery.progress = Position("e", 7)
    recovery.hold("a")
    assert recovery.set_aside({"a", "b"}, Told(8, "x", None)) == {"a"}
    assert [one.seq for one in recovery.take_held("a")] == [8]
    assert recovery.take_held("a") == []
    recovery.caught_up("a", 10)
    assert recovery.offset_of("a") == "e.10"
    assert recovery.set_aside({"a", "b"}, Told(10, "x", None)) == {"a"}
    assert recovery.set_aside({"a", "b"}, Told(11, "x", None)) == set()
    recovery.reach(10)
    assert recovery.set_aside({"a"}, Told(10, "x", None)) == set()
    recovery.reach(12)
    recovery.reach(11)
    assert (recovery.offset_of("a"), recovery.offset_of("b")) == ("e.12", None)


def test_positions_are_neither_kept_nor_told_while_it_catches_up() -> None:
    """C3: the next one is a second away."""
    recovery = Recovery()
    recovery.progress = Position("e", 7)
    recovery.hold("a")
    assert recovery.set_aside({"a", "b"}, None) == {"a"}
    assert recovery.take_held("a") == []
    recovery.forget("a")
    assert recovery.set_aside({"a", "b"}, None) == set()
