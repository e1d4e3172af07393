"""Over WebSockets: connecting, events, refusals, and what a client must not do."""

import asyncio
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from sio.callbacks import TypedEvent

from .conftest import App, Serve, Served, heard, hung_up, soon


class Position(msgspec.Struct):
    lat: float
    lng: float


async def test_the_handshake_says_how_long_to_wait_and_how_much_to_send(serve: Serve) -> None:
    served = await serve(ping_interval=7.5, ping_timeout=3, message_bytes=5000)
    async with served.raw() as line:
        opened = msgspec.json.decode((await heard(line))[1:])
    sid = opened.pop("sid")
    assert len(sid) >= 20
    assert opened == {"upgrades": [], "pingInterval": 7500, "pingTimeout": 3000, "maxPayload": 5000}


async def test_a_socket_connects_asks_and_leaves(served: Served) -> None:
    """C1"""
    async with served.opened() as line:
        await line.send('40{"token":"good"}')
        answer = msgspec.json.decode((await heard(line))[2:])
        name, auth, address = await soon(served.app.came.get())
        assert (answer, auth, address) == ({"sid": name}, {"token": "good"}, "127.0.0.1")
        await line.send('4217["ask",{"a":1},[2]]')
        assert await heard(line) == '4317[{"ok":true,"arguments":[{"a":1},[2]]}]'
        await line.send('42["ask"]')
        await line.send('4218["ask"]')
        assert await heard(line) == '4318[{"ok":true,"arguments":[]}]', "who asks for no answer gets none"
        await line.send("41")
        assert await hung_up(line) == []
    assert await soon(served.app.left.get()) == name
    assert served.app.story == ["connect", *(["ask", "ask done"] * 3), "disconnect"]
    assert served.app.inside == []


async def test_a_refused_connect_is_told_why_and_may_try_again(served: Served) -> None:
    """C1"""
    async with served.opened() as line:
        for _ in range(2):
            await line.send('40{"token":"bad"}')
            assert await heard(line) == '44{"message":"No","data":{"code":"token_invalid"}}'
        await line.send('42["ask"]')
        await line.send("40")
        assert (await heard(line)).startswith("40{")
    await soon(served.app.left.get())
    assert served.app.story == ["connect"] * 3 + ["disconnect"]


@pytest.mark.parametrize("token", ["later", "broken"])
async def test_trouble_of_the_applications_hangs_up_without_a_word(served: Served, token: str) -> None:
    async with served.opened() as line:
        await line.send(f'40{{"token":"{token}"}}')
        assert await hung_up(line) == []


async def test_other_namespaces_are_none(served: Served) -> None:
    async with served.welcomed() as (line, _):
        await line.send('40/admin?a=b,{"token":"good"}')
        assert await heard(line) == '44/admin,{"message":"Invalid namespace"}'
        await line.send('42/admin,["ask"]')
        await line.send("41/admin,")
        await line.send('421["ask"]')
        assert (await heard(line)).startswith("431[")


async def test_what_is_emitted_before_the_answer_comes_after_it(serve: Serve) -> None:
    """C1: apps drop events that come before; they are kept, in order, once each."""
    app = App()
    served = await serve(app)

    async def greet(name: str) -> None:
        served.server.rooms.join(name, "all")
        served.server.emit(["all", name], "early", 1)
        served.server.emit([name], "early", 2, offset="o")

    app.while_connecting = greet
    async with served.opened() as line:
        await line.send("40")
        assert (await heard(line)).startswith("40{")
        assert [await heard(line), await heard(line)] == ['42["early",1]', '42["early",2]']


async def test_only_a_socket_with_a_pid_gets_offsets(serve: Serve) -> None:
    """C7"""
    app = App(pid="again")
    served = await serve(app)

    async def greet(name: str) -> None:
        served.server.emit([name], "early", 1, offset="e")

    app.while_connecting = greet
    async with served.opened() as recoverable, served.opened() as other:
        await recoverable.send("40")
        assert msgspec.json.decode((await heard(recoverable))[2:])["pid"] == "again"
        assert await heard(recoverable) == '42["early",1,"e"]'
        first, _, _ = await soon(app.came.get())
        app.pid = None
        await other.send("40")
        assert "pid" not in await heard(other)
        assert await heard(other) == '42["early",1]'
        second, _, _ = await soon(app.came.get())
        served.server.emit([first, second], "late", {"n": 2}, offset="f")
        served.server.emit([first, second], "later", None)
        assert [await heard(recoverable), await heard(recoverable)] == [
            '42["late",{"n":2},"f"]',
            '42["later",null]',
        ]
        assert [await heard(other), await heard(other)] == ['42["late",{"n":2}]', '42["later",null]']


async def test_rooms(served: Served) -> None:
    """Each socket once, whatever rooms it is in; not those to be skipped; not after it left."""
    server = served.server
    async with served.welcomed() as (one, first), served.welcomed() as (two, second):
        for name, room in ((first, "a"), (first, "b"), (second, "b"), ("nobody", "b")):
            server.rooms.join(name, room)
        assert server.emit(["a", "b", first], "n", 1) == 2
        assert server.emit(["a", "b"], "n", 2, skip=[second]) == 1
        server.rooms.leave(first, "b")
        server.rooms.leave(first, "b")
        assert server.emit(["b"], "n", 3) == 1
        assert server.emit([first], "n", 4) == 1
        assert [await heard(one) for _ in range(3)] == ['42["n",1]', '42["n",2]', '42["n",4]']
        assert [await heard(two) for _ in range(2)] == ['42["n",1]', '42["n",3]']
    for _ in range(2):
        await soon(served.app.left.get())
    assert server.emit(["a", "b", first], "n", 5) == 0
    server.rooms.join(first, "a")
    assert server.emit(["a"], "n", 6) == 0


async def test_events_of_one_socket_are_handled_one_after_the_other(serve: Serve) -> None:
    """A typed event does not overtake one that is still being handled."""
    answering, release = asyncio.Event(), asyncio.Event()
    app = App()

    async def wait(_name: str, _event: str) -> None:
        answering.set()
        await release.wait()

    def move(_name: str, at: Any) -> object:
        app.story.append(f"at {at.lat}")
        return {"ok": True}

    app.while_answering, app.typed = wait, {"move": TypedEvent(Position, move)}
    served = await serve(app)
    async with served.welcomed() as (line, _):
        await line.send('421["slow"]')
        await soon(answering.wait())
        for number in range(2, 8):
            await line.send(f'42{number}["move",{{"lat":{number},"lng":2}}]')
        await line.send('429["slow"]')
        release.set()
        answers = [await heard(line) for _ in range(8)]
    assert [answer[2] for answer in answers] == list("12345679")
    assert app.story[:4] == ["connect", "slow", "slow done", "at 2.0"]


async def test_a_typed_event_that_does_not_fit_is_an_event_like_others(serve: Serve) -> None:
    moved: list[Any] = []

    def move(_name: str, at: Any) -> object:
        moved.append((at.lat, at.lng))
        return {"moved": True}

    served = await serve(App(typed={"move": TypedEvent(Position, move)}))
    async with served.welcomed() as (line, _):
        await line.send('421["move",{"lat":1,"lng":2,"more":"ä"}]')
        assert await heard(line) == '431[{"moved":true}]'
        await line.send('42["move", {"lat":3,"lng":4} ]')
        odd = ['{"lat":"x"}', "null", '{"lat":1,"lng":2},2', "[1,2]"]
        for arguments in odd:
            await line.send(f'422["move",{arguments}]')
            assert await heard(line) == f'432[{{"ok":true,"arguments":[{arguments}]}}]'
        await line.send('423["move"]')
        assert await heard(line) == '433[{"ok":true,"arguments":[]}]'
        await line.send('42["move",{"lat":1,}]')
        assert await hung_up(line) == []
    assert moved == [(1.0, 2.0), (3.0, 4.0)]


async def test_a_fault_of_ours_ends_one_connection_and_is_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_name: str, _at: Any) -> object:
        raise RuntimeError("a fault of the application's")

    served = await serve(App(typed={"move": TypedEvent(Position, fail)}))
    async with served.welcomed() as (bystander, _), served.welcomed() as (line, name):
        await line.send('42["move",{"lat":1,"lng":2}]')
        assert await hung_up(line) == []
        assert await soon(served.app.left.get()) == name
        await bystander.send('421["ask"]')
        assert (await heard(bystander)).startswith("431")
    assert "a fault of the application's" in caplog.text


async def test_who_leaves_while_let_in_has_come_and_gone(serve: Serve) -> None:
    letting, release = asyncio.Event(), asyncio.Event()
    app = App()

    async def wait(_name: str) -> None:
        letting.set()
        await release.wait()

    app.while_connecting = wait
    served = await serve(app)
    async with served.opened() as line:
        await line.send("40")
        await soon(letting.wait())
    assert await soon(app.ended.get()) == "client"
    release.set()
    name, _, _ = await soon(app.came.get())
    assert await soon(app.left.get()) == name
    assert app.story == ["connect", "disconnect"]


async def test_what_was_said_before_leaving_is_handled_before_the_end(serve: Serve) -> None:
    answering, release = asyncio.Event(), asyncio.Event()
    app = App()

    async def wait(_name: str, _event: str) -> None:
        answering.set()
        await release.wait()

    app.while_answering = wait
    served = await serve(app)
    async with served.welcomed() as (line, _):
        for event in ("first", "second", "third"):
            await line.send(f'42["{event}"]')
        await soon(answering.wait())
    assert await soon(app.ended.get()) == "client"
    release.set()
    await soon(app.left.get())
    events = [f"{event}{done}" for event in ("first", "second", "third") for done in ("", " done")]
    assert app.story == ["connect", *events, "disconnect"]


async def test_disconnect_says_so_and_hang_up_does_not(served: Served) -> None:
    async with served.welcomed() as (one, first), served.welcomed() as (two, second):
        for name in (first, second):
            served.server.emit([name], "last", 1)
        served.server.disconnect(first)
        served.server.hang_up(second)
        assert await hung_up(one) == ['42["last",1]', "41"]
        assert await hung_up(two) == ['42["last",1]']
    served.server.disconnect("nobody")
    served.server.hang_up(first)
    assert {await soon(served.app.ended.get()) for _ in range(2)} == {"disconnected", "hung_up"}


async def test_who_is_disconnected_by_its_own_event_still_has_the_answer(serve: Serve) -> None:
    app = App()
    served = await serve(app)

    async def end(name: str, _event: str) -> None:
        served.server.disconnect(name)

    app.while_answering = end
    async with served.welcomed() as (line, _):
        await line.send('421["flood"]')
        await line.send('422["more"]')
        assert await hung_up(line) == ['431[{"ok":true,"arguments":[]}]', "41"]
    await soon(app.left.get())
    assert "more" not in app.story


async def test_a_new_transport_may_be_refused_before_the_upgrade(serve: Serve) -> None:
    """C1: 503, so that clients try again."""
    served = await serve(App(full=True))
    with pytest.raises(InvalidStatus) as refused:
        async with served.raw():
            pass
    response = refused.value.response
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert msgspec.json.decode(response.body)["code"] == "full"
    assert served.app.ended.empty()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/socket.io/?EIO=3&transport=websocket", 400),
        ("/socket.io/?transport=websocket", 400),
        ("/socket.io/?EIO=4&transport=polling", 400),
        ("/socket.io/?EIO=4&transport=carrier-pigeon", 400),
        ("/socket.io/?EIO=4&transport=websocket&sid=unknown", 400),
        ("/elsewhere/?EIO=4&transport=websocket", 404),
    ],
)
async def test_a_handshake_that_is_none_of_ours_is_refused(served: Served, path: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{served.host}{path}"):
            pass
    assert refused.value.response.status_code == status
    assert served.app.inside == []


async def test_the_address_is_what_the_proxy_says_if_it_is_believed(serve: Serve) -> None:
    served = await serve(address_of=lambda peer, forwarded: f"{peer} for {forwarded}")
    async with served.raw(additional_headers={"X-Forwarded-For": "1.2.3.4, 5.6.7.8"}):
        assert served.app.inside == ["127.0.0.1 for 1.2.3.4, 5.6.7.8"]
    await soon(served.app.ended.get())
    assert served.app.inside == []
