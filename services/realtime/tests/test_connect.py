import asyncio
import time
from typing import Any

import httpx
import jwt
import pytest
from socketio.exceptions import ConnectionError as DialError

from stack.tokens import mint

from .conftest import KEY, Dial, Mark, OpenEdge, Publish
from .made import created, job
from .phone import Phone

pytestmark = pytest.mark.usefixtures("neighbours")

GOOD = {"sub": "eve", "role": "user", "iss": "waggle", "aud": "waggle"}


def signed(key: str = KEY, algorithm: str = "HS256", **changed: object) -> str:
    claims = {**GOOD, "exp": int(time.time()) + 86_400, **changed}  # some are made at collection
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm)


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (None, "token_missing"),
        ("", "token_missing"),
        ("Bearer ", "token_missing"),
        ("rubbish", "token_invalid"),
        ("\ud800", "token_invalid"),
        (17, "token_invalid"),
        (["x"], "token_invalid"),
        (signed(key="another secret, also long enough for it"), "token_invalid"),
        (signed(key="", algorithm="none"), "token_invalid"),
        (signed(aud="others"), "token_invalid"),
        (signed(iss="others"), "token_invalid"),
        (signed(role="root"), "token_invalid"),
        (signed(sub=None), "token_invalid"),
        (signed(exp=None), "token_invalid"),
        (signed(exp=1), "token_expired"),
    ],
)
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_bad_token_is_refused_with_an_error_that_says_which(
    edge: str, token: Any, code: str, transport: str
) -> None:
    """C1: missing, invalid (also forged, `alg: none`, wrong audience) or expired."""
    phone = Phone()
    with pytest.raises(DialError):
        await phone.dial(edge, token, transport)
    assert phone.refusal["data"]["code"] == code
    word = {"token_missing": "required", "token_invalid": "token", "token_expired": "expired"}[code]
    assert word in phone.refusal["message"]
    assert phone.refusal["message"] == phone.refusal["data"]["message"]


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer "])
@pytest.mark.parametrize("role", ["user", "pilot", "admin"])
async def test_a_good_token_is_let_in_with_or_without_bearer(edge: str, prefix: str, role: Any) -> None:
    """C1"""
    phone = await Phone().dial(edge, prefix + mint("kim", role, key=KEY))
    assert (await phone.ask("no:such"))["error"]["code"] == "unknown_event"
    await phone.hang_up()


@pytest.mark.parametrize("transports", [("websocket",), ("polling",), ("polling", "websocket")])
async def test_an_event_reaches_the_person_by_every_transport(
    dial: Dial, edge: str, publish: Publish, transports: tuple[str, ...]
) -> None:
    """C1: Engine.IO by WebSocket, by polling, and upgraded."""
    someone = f"by-{'-'.join(transports)}"
    phone = await dial(someone, "user", edge, *transports)
    order = job(someone)
    await publish(created(order))
    assert (await phone.next("booking:created"))["bookingId"] == str(order.id)


async def test_nothing_is_missed_from_the_moment_of_connecting(
    dial: Dial, publish: Publish, mark: Mark
) -> None:
    """C1, C7: subscriptions are at the server before CONNECT is answered."""
    for number in range(20):
        someone = f"early-{number}"
        phone = await dial(someone, "user")
        await publish(created(job(someone)))
        await mark(**{someone: phone})
        assert phone.names().count("booking:created") == 1


async def test_a_socket_ends_with_its_token(open_edge: OpenEdge) -> None:
    """C1"""
    edge = await open_edge()
    phone = await Phone().dial(edge, mint("brief", "user", key=KEY, ttl=3))
    assert (await phone.ask("no:such"))["error"]["code"] == "unknown_event"
    async with asyncio.timeout(60):
        await phone.gone.wait()


async def test_one_person_has_only_so_many_sockets(open_edge: OpenEdge) -> None:
    """C1: past it a connect_error that says so; a place that gets free can be taken."""
    url = await open_edge(max_sockets_per_user=2)
    token = mint("kim-many", "user", key=KEY)
    phones = [await Phone().dial(url, token) for _ in range(2)]
    third = Phone()
    with pytest.raises(DialError):
        await third.dial(url, token)
    assert third.refusal["data"]["code"] == "too_many_sockets"
    other = await Phone().dial(url, mint("lee-many", "user", key=KEY))
    await phones.pop().hang_up()
    async with asyncio.timeout(60):
        while len(phones) < 2:
            try:
                phones.append(await Phone().dial(url, token))
            except DialError:  # the edge has not noticed yet
                await asyncio.sleep(0.05)
    for phone in (*phones, other):
        await phone.hang_up()


async def test_one_address_has_only_so_many_sockets(open_edge: OpenEdge) -> None:
    """C1: counted by what a trusted proxy says, if there is one, and by the peer if not."""
    direct = await open_edge(max_sockets_per_address=1)
    proxied = await open_edge(max_sockets_per_address=1, trusted_proxies=["127.0.0.0/8"])
    path = "/socket.io/?EIO=4&transport=polling"
    async with httpx.AsyncClient() as client:
        for url, codes in ((direct, [200, 503]), (proxied, [200, 200])):
            named = [{"X-Forwarded-For": f"10.9.9.9, 198.51.100.{n}"} for n in range(2)]
            assert [(await client.get(url + path, headers=one)).status_code for one in named] == codes
        again = await client.get(proxied + path, headers={"X-Forwarded-For": "198.51.100.1"})
        assert (again.status_code, again.json()["code"]) == (503, "too_many")
