"""Tokens that an operator revokes: sockets end everywhere at once, and nobody comes back with them (C1)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import jwt
import pytest
from nats.aio.client import Client
from socketio.exceptions import ConnectionError as DialError

from contracts.streams import IDENTITY
from stack.tokens import Role, mint
from wire.bootstrap import ensure_stream

from .conftest import KEY, Dial, OpenEdge
from .phone import Phone

pytestmark = pytest.mark.usefixtures("neighbours")

Revoke = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def revoke(edge: str) -> Revoke:
    """As an operator does, who is an admin unless it is said otherwise."""

    async def start(sub: str, body: Any = None, role: Role = "admin") -> httpx.Response:
        headers = {"Authorization": f"Bearer {mint('operator', role, key=KEY)}"}
        async with httpx.AsyncClient(timeout=60, headers=headers) as client:
            return await client.post(f"{edge}/v1/identities/{quote(sub, safe='')}/revoke", json=body)

    return start


@pytest.fixture
def somebody() -> str:
    return f"auth0|{uuid4().hex[:6]}/x y.*>"


def issued(sub: str, role: Role, seconds_from_now: int) -> str:
    now = int(time.time())
    claims = {"sub": sub, "role": role, "iss": "waggle", "aud": "waggle"}
    return jwt.encode(claims | {"iat": now + seconds_from_now, "exp": now + 3600}, KEY, "HS256")


async def is_alive(phone: Phone) -> bool:
    return bool((await phone.ask("no:such"))["error"]["code"] == "unknown_event")


async def refusal(url: str, token: str) -> str:
    phone = Phone()
    with pytest.raises(DialError):
        await phone.dial(url, token)
    return str(phone.refusal["data"]["code"])


async def test_all_sockets_of_a_person_end_at_once_on_every_edge(
    edge: str, open_edge: OpenEdge, dial: Dial, revoke: Revoke, somebody: str
) -> None:
    """C1: they are told why, and nobody comes back by a token from before; by a later one, yes."""
    edges = [edge, await open_edge()]
    old = issued(somebody, "user", -5)
    phones = [await Phone().dial(url, old) for url in edges]
    other = await dial("somebody else", "user", edges[1])
    answer = await revoke(somebody, {"reason": "a phone was stolen"})
    assert (answer.is_success, answer.json()["subject"]) == (True, somebody)
    for phone in phones:
        assert (await phone.next("auth:ended"))["code"] == "token_revoked"
        async with asyncio.timeout(60):
            await phone.gone.wait()
    assert [await refusal(url, old) for url in edges] == ["token_revoked"] * 2
    assert await refusal(await open_edge(), old) == "token_revoked"  # it has just started
    for url in edges:
        phone = await Phone().dial(url, issued(somebody, "user", 2))
        assert await is_alive(phone)
        await phone.hang_up()
    assert await is_alive(other)


async def test_a_session_that_renewed_its_token_rests_on_the_new_one(
    edge: str, revoke: Revoke, somebody: str
) -> None:
    """C1: it stays; and a revoked token renews nothing."""
    renewed, left = [await Phone().dial(edge, issued(somebody, "user", -60)) for _ in range(2)]
    assert (await renewed.ask("auth:refresh", {"token": issued(somebody, "user", -5)}))["ok"]
    before = datetime.now(UTC) - timedelta(seconds=30)
    assert (await revoke(somebody, {"issued_before": before.isoformat()})).is_success
    assert (await left.next("auth:ended"))["code"] == "token_revoked"
    assert await is_alive(renewed)
    again = await renewed.ask("auth:refresh", {"token": issued(somebody, "user", -60)})
    assert again["error"]["code"] == "token_revoked"
    assert await is_alive(renewed)
    await renewed.hang_up()


async def test_one_role_of_a_person_can_be_revoked(edge: str, revoke: Revoke, somebody: str) -> None:
    """C1: null is every token of that role, whenever it was issued."""
    driver = await Phone().dial(edge, issued(somebody, "pilot", 5))
    customer = await Phone().dial(edge, issued(somebody, "user", -5))
    answer = await revoke(somebody, {"role": "pilot", "issued_before": None})
    assert answer.json() == {"subject": somebody, "role": "pilot", "issued_before": None, "reason": None}
    assert (await driver.next("auth:ended"))["code"] == "token_revoked"
    assert await is_alive(customer)
    assert await refusal(edge, issued(somebody, "pilot", 5)) == "token_revoked"
    await customer.hang_up()


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ((None, "user"), (403, "forbidden")),
        ((None, "pilot"), (403, "forbidden")),
        (({"role": "root"}, "admin"), (422, "invalid")),
        (({"issued_before": "yesterday"}, "admin"), (422, "invalid")),
        (({"reason": "x" * 501}, "admin"), (422, "invalid")),
    ],
)
async def test_a_wish_that_is_not_granted_is_refused(
    edge: str, revoke: Revoke, somebody: str, wish: tuple[Any, Role], expected: tuple[int, str]
) -> None:
    """C1"""
    phone = await Phone().dial(edge, issued(somebody, "user", -5))
    answer = await revoke(somebody, *wish)
    assert (answer.status_code, answer.json()["code"]) == expected
    assert await is_alive(phone)
    await phone.hang_up()


async def test_nothing_is_said_to_be_revoked_that_is_not_kept(
    nc: Client, revoke: Revoke, somebody: str
) -> None:
    """C1"""
    await nc.jetstream().delete_stream(IDENTITY.name)
    try:
        answer = await revoke(somebody)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    finally:
        await ensure_stream(nc, IDENTITY)
    assert (await revoke(somebody)).is_success
