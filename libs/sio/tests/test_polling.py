"""Over HTTP long-polling."""

import asyncio
import contextlib
import json
from typing import Any

import httpx
import pytest

from .conftest import HANDSHAKE, App, Serve, Served, soon

POLLING = f"{HANDSHAKE}polling"


async def opened(client: httpx.AsyncClient) -> str:
    """A new session: the path of its requests."""
    answer = await client.get(POLLING)
    assert (answer.status_code, answer.text[0]) == (200, "0")
    return f"{POLLING}&sid={json.loads(answer.text[1:])['sid']}"


async def welcomed(served: Served, client: httpx.AsyncClient) -> tuple[str, str]:
    """After its CONNECT; the path of its requests, and its socket's id."""
    path = await opened(client)
    assert (await client.post(path, content="40")).text == "ok"
    name, _, _ = await soon(served.app.came.get())
    assert (await client.get(path)).text.startswith('40{"sid":"')
    return path, name


async def test_a_client_that_polls_connects_asks_and_leaves(served: Served) -> None:
    """C1"""
    async with served.http() as client:
        opened = json.loads((await client.get(POLLING)).text[1:])
        assert opened["upgrades"] == ["websocket"]
        path, name = await welcomed(served, client)
        body = "\x1e".join(f'42{number}["ask",{number}]' for number in range(100))
        assert (await client.post(path, content=body)).text == "ok"
        answers: list[str] = []
        while len(answers) < 100:
            some = (await client.get(path)).text.split("\x1e")
            assert len(some) <= 16, "Python's client refuses more"
            answers += some
        assert answers == [f'43{n}[{{"ok":true,"arguments":[{n}]}}]' for n in range(100)]
        await client.post(path, content="41\x1e1")
        assert (await client.get(path)).json() == {"code": 1, "message": "Session ID unknown"}
    assert await soon(served.app.left.get()) == name
    assert await soon(served.app.ended.get()) == "client"


async def test_a_get_is_held_until_there_is_something(served: Served) -> None:
    async with served.http() as client:
        path, name = await welcomed(served, client)
        held = asyncio.create_task(client.get(path))
        while not served.server.connections[path.rpartition("=")[2]].transport.getting:  # type: ignore[attr-defined]
            await asyncio.sleep(0.01)
        for number in range(3):
            served.server.emit([name], "n", number)
        assert (await soon(held)).text.split("\x1e") == [f'42["n",{number}]' for number in range(3)]


async def test_a_get_is_answered_by_a_ping_if_by_nothing_else(serve: Serve) -> None:
    served = await serve(ping_interval=0.3, ping_timeout=0.5)
    async with served.http() as client:
        path, name = await welcomed(served, client)
        for _ in range(3):
            assert (await client.get(path)).text == "2"
            await client.post(path, content="3")
        gone = await client.get(path)
        while gone.status_code == 200:
            gone = await client.get(path)
        assert await soon(served.app.left.get()) == name
        assert await soon(served.app.ended.get()) == "ping_timeout"


@pytest.mark.parametrize(
    ("method", "query", "code"),
    [
        ("GET", "EIO=4&transport=polling&sid=unknown", 1),
        ("POST", "EIO=4&transport=polling&sid=unknown", 1),
        ("POST", "EIO=4&transport=polling", 2),
        ("GET", "EIO=4&transport=carrier-pigeon", 0),
        ("GET", "EIO=4", 0),
        ("GET", "EIO=3&transport=polling", 5),
        ("GET", "transport=polling", 5),
        ("GET", "EIO=4&transport=websocket", 3),
        ("GET", "%ff=%zz&&&=&transport=polling&EIO=4&sid=%00", 1),
    ],
)
async def test_what_is_wrong_with_a_request_is_said_as_engine_io_does(
    served: Served, method: str, query: str, code: int
) -> None:
    async with served.http() as client:
        answer = await client.request(method, f"/socket.io/?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert served.app.inside == []


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("x" * 20_000, 413, "too_large"),
        ("2", 400, "bad_packet"),
        ("", 400, "bad_packet"),
        ("bAAAA", 400, "bad_packet"),
        ("42[", 400, "bad_packet"),
        ("3\x1e", 400, "bad_packet"),
        (b"42[\xff]", 400, "bad_packet"),
        ("1", 200, "client"),
    ],
)
async def test_a_bad_body_ends_the_session(served: Served, body: Any, status: int, reason: str) -> None:
    """C1: oversize, binary, malformed."""
    async with served.http() as client:
        path, name = await welcomed(served, client)
        assert (await client.post(path, content=body)).status_code == status
        assert (await client.get(path)).status_code == 400
    assert await soon(served.app.ended.get()) == reason
    assert await soon(served.app.left.get()) == name
    assert served.app.inside == []


async def test_a_declared_length_is_not_believed(served: Served) -> None:
    """C1: a body in chunks is not read to its end either."""

    async def endless() -> Any:
        while True:
            yield b"3" * 1000

    async with served.http() as client:
        path, _ = await welcomed(served, client)
        with contextlib.suppress(httpx.HTTPError):  # it may be told while it is still sending
            assert (await client.post(path, content=endless())).status_code == 413
    assert await soon(served.app.ended.get()) == "too_large"


async def test_a_body_that_does_not_come_ends_the_session(serve: Serve) -> None:
    """C1"""
    served = await serve(connect_seconds=0.5)

    async def stuck() -> Any:
        yield b"3"
        await asyncio.Event().wait()

    async with served.http() as client:
        path, _ = await welcomed(served, client)
        posting = asyncio.create_task(client.post(path, content=stuck()))
        assert await soon(served.app.ended.get()) == "unsent"
        posting.cancel()


async def test_a_second_get_ends_the_session(served: Served) -> None:
    async with served.http() as client:
        path, _ = await welcomed(served, client)
        answers = await soon(asyncio.gather(client.get(path), client.get(path)))
        assert [answer.status_code for answer in answers] == [400, 400]
    assert await soon(served.app.ended.get()) == "overlap"


async def test_a_second_post_ends_the_session(serve: Serve) -> None:
    app, release = App(), asyncio.Event()

    async def wait(_name: str, _event: str) -> None:
        await release.wait()

    app.while_answering = wait
    served = await serve(app)
    async with served.http() as client:
        path, name = await welcomed(served, client)
        first = asyncio.create_task(client.post(path, content='421["slow"]'))
        while "slow" not in app.story:
            await asyncio.sleep(0.01)
        assert (await client.post(path, content="3")).status_code == 400
        assert await soon(app.ended.get()) == "overlap"
        assert app.left.empty(), "not before what it said is handled"
        release.set()
        assert (await soon(first)).status_code == 400
        assert await soon(app.left.get()) == name


async def test_who_hangs_up_a_get_has_left(served: Served) -> None:
    async with served.http() as client:
        path, name = await welcomed(served, client)
        with pytest.raises(httpx.ReadTimeout):
            await client.get(path, timeout=0.5)
        assert await soon(served.app.left.get()) == name
    assert await soon(served.app.ended.get()) == "client"


async def test_disconnect_and_hang_up_come_with_the_next_get(serve: Serve) -> None:
    served = await serve()
    async with served.http() as client:
        for end, last in ((served.server.disconnect, ["41"]), (served.server.hang_up, [])):
            path, name = await welcomed(served, client)
            served.server.emit([name], "n", 1)
            end(name)
            served.server.emit([name], "n", 2)
            served.server.emit([name], "n", 3)
            assert (await client.get(path)).text.split("\x1e") == ['42["n",1]', *last]
            assert (await client.get(path)).status_code == 400
            assert await soon(served.app.left.get()) == name


async def test_who_does_not_fetch_its_end_is_forgotten(serve: Serve) -> None:
    served = await serve(finish_seconds=0.3)
    async with served.http() as client:
        _, name = await welcomed(served, client)
        served.server.hang_up(name)
        assert await soon(served.app.left.get()) == name
    assert await soon(served.app.ended.get()) == "hung_up"


async def test_a_full_server_sends_new_sessions_away(serve: Serve) -> None:
    """C1: 503, so that clients try again; those inside go on."""
    served = await serve()
    async with served.http() as client:
        path, _ = await welcomed(served, client)
        served.app.full = True
        answer = await client.get(POLLING)
        assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (
            503,
            "full",
            "2",
        )
        assert (await client.post(path, content="3")).status_code == 200
        assert (await client.get("/other")).text == "others"
    assert len(served.app.inside) == 1


async def test_pages_of_named_origins_may_read_the_answers(serve: Serve) -> None:
    served = await serve(origins=("https://console.example",))
    async with served.http() as client:
        headers = {"Origin": "https://console.example"}
        answer = await client.get(POLLING, headers=headers)
        assert answer.headers["Access-Control-Allow-Origin"] == "https://console.example"
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        asked = await client.options(POLLING, headers=headers | {"Access-Control-Request-Headers": "x-a"})
        assert (asked.status_code, asked.headers["Access-Control-Allow-Headers"]) == (204, "x-a")
        assert asked.headers["Access-Control-Allow-Methods"] == "OPTIONS, GET, POST"
        assert (await client.get(POLLING, headers={"Origin": "https://evil.example"})).status_code == 400
        assert "Access-Control-Allow-Origin" not in (await client.get(POLLING)).headers


async def test_the_address_is_what_the_proxy_says_if_it_is_believed(serve: Serve) -> None:
    served = await serve(address_of=lambda peer, forwarded: f"{peer} for {forwarded}")
    async with served.http() as client:
        await client.get(POLLING, headers={"X-Forwarded-For": "1.2.3.4"})
        await client.get(POLLING)
    assert served.app.inside == ["127.0.0.1 for 1.2.3.4", "127.0.0.1 for None"]
