"""python-socketio's own client against each engine, by each of its transports."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import socketio
from socketio.exceptions import ConnectionError as DialError

from stack.ports import Reservation

from .served import Asked, served

PATIENCE = 30
WAYS = (["websocket"], ["polling"], ["polling", "websocket"])


@pytest_asyncio.fixture(scope="module")
async def server(ports: Reservation, engine: str) -> AsyncIterator[tuple[Asked, str]]:
    async with served(engine, ports) as asked_and_url:
        yield asked_and_url


class Heard:
    """A client that writes down what it hears, and how often it came and went."""

    def __init__(self, url: str, ways: list[str]) -> None:
        self.sio: Any = socketio.AsyncClient(reconnection_delay=0.02, reconnection_delay_max=0.2)
        self._url, self._ways = url, ways
        self.events: list[list[Any]] = []
        self.refusal: Any = None
        self.connects, self.reasons = 0, list[str]()
        self._changed = asyncio.Condition()
        self.sio.on("*", self._on_event)
        self.sio.on("connect", self._on_connect)
        self.sio.on("disconnect", self._on_disconnect)
        self.sio.on("connect_error", self._on_refusal)

    async def dial(self, **auth: object) -> None:
        said = {"token": "good", **auth}
        await self.sio.connect(self._url, auth=said, transports=self._ways, wait_timeout=PATIENCE)

    async def ask(self, *event: Any) -> Any:
        name, *arguments = event
        return await self.sio.call(name, tuple(arguments), timeout=PATIENCE)

    async def until(self, count: int, name: str) -> list[list[Any]]:
        """The arguments of the first `count` events of this name, once they are here."""

        def found() -> list[list[Any]]:
            return [arguments for event, *arguments in self.events if event == name]

        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(lambda: len(found()) >= count)
        return found()[:count]

    async def until_true(self, condition: Any) -> None:
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(condition)

    async def _on_event(self, *event: Any) -> None:
        async with self._changed:
            self.events.append(list(event))
            self._changed.notify_all()

    async def _on_connect(self) -> None:
        async with self._changed:
            self.connects += 1
            self._changed.notify_all()

    async def _on_disconnect(self, reason: str) -> None:
        async with self._changed:
            self.reasons.append(reason)
            self._changed.notify_all()

    async def _on_refusal(self, problem: Any) -> None:
        self.refusal = problem


@pytest.fixture(params=WAYS, ids="+".join)
async def client(server: tuple[Asked, str], request: pytest.FixtureRequest) -> AsyncIterator[Heard]:
    heard = Heard(server[1], request.param)
    yield heard
    await heard.sio.shutdown()


async def test_it_connects_and_is_acknowledged(client: Heard) -> None:
    """C1"""
    await client.dial()
    assert await client.ask("add", 2, 3) == {"sum": 5}
    assert await client.ask("slow", "é🚕") == {"slow": "é🚕"}
    assert await client.ask("move", {"lat": 1.5, "lng": 2}) == {"typed": [1.5, 2]}
    assert await client.ask("many", 1, None, [2]) == {"name": "many", "arguments": [1, None, [2]]}


async def test_it_is_refused_with_code_and_message(client: Heard) -> None:
    """C1"""
    with pytest.raises(DialError):
        await client.dial(token="bad")
    problem = {"code": "token_invalid", "message": "The token is not good"}
    assert client.refusal == {"message": "The token is not good", "data": problem}


async def test_a_thousand_events_go_both_ways_in_order(client: Heard) -> None:
    """C1"""
    await client.dial()
    await client.sio.emit("count", 1000)
    for number in range(1000):
        await client.sio.emit("back", number)
    assert await client.until(1000, "counted") == [[{"number": number}] for number in range(1000)]
    assert await client.until(1000, "back") == [[number] for number in range(1000)]


async def test_what_comes_before_the_answer_to_connect_is_told_after_it(client: Heard) -> None:
    """C1"""
    await client.dial(early=20)
    assert await client.until(20, "early") == [[{"number": number}] for number in range(20)]


async def test_a_kicked_client_hears_so_and_stays_away(client: Heard) -> None:
    """C1"""
    await client.dial()
    await client.sio.emit("kick")
    await client.until_true(lambda: client.reasons)
    assert client.reasons == [socketio.AsyncClient.reason.SERVER_DISCONNECT]
    await asyncio.wait_for(client.sio.wait(), 60)  # which goes on while it tries to come back
    assert client.connects == 1


async def test_a_client_that_is_hung_up_on_comes_back_by_itself(client: Heard) -> None:
    """C1, C7"""
    await client.dial()
    await client.sio.emit("hang_up")
    await client.until_true(lambda: client.connects == 2)
    assert await client.ask("add", 1, 1) == {"sum": 2}


async def test_a_recoverable_client_hears_offsets(client: Heard) -> None:
    """C7"""
    await client.dial(recover=True)
    await client.sio.emit("back", ({"n": 1}, "offset-1"))
    assert await client.until(1, "back") == [[{"n": 1}, "offset-1"]]
