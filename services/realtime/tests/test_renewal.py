"""A session that outlives its first token, and one that does not (C1)."""

import asyncio
import time
from datetime import datetime
from typing import Any

import pytest

from stack.tokens import mint

from .conftest import KEY, Dial
from .phone import Phone

pytestmark = pytest.mark.usefixtures("neighbours")

SOON = 8
"""Seconds; a slow machine must get two tokens to the edge within it."""


async def is_alive(phone: Phone) -> bool:
    return bool((await phone.ask("no:such"))["error"]["code"] == "unknown_event")


async def test_a_session_lasts_as_long_as_its_newest_token_and_is_told_when_it_ends(
    dial: Dial, edge: str
) -> None:
    """C1: `auth:refresh` moves the end, to a later time or an earlier one."""
    ending = await dial("ending", "user")
    going_on = await Phone().dial(edge, mint("going-on", "user", key=KEY, ttl=SOON))
    end = int(time.time()) + SOON
    told = await going_on.ask("auth:refresh", {"token": mint("going-on", "user", key=KEY)})
    assert told["ok"]
    assert datetime.fromisoformat(told["expiresAt"]).timestamp() > end + 60
    short = mint("ending", "user", key=KEY, ttl=end - time.time())
    assert (await ending.ask("auth:refresh", {"token": short}))["ok"]
    assert (await ending.next("auth:ended"))["code"] == "token_expired"
    async with asyncio.timeout(60):
        await ending.gone.wait()
    await asyncio.sleep(end + 1 - time.time())  # what was to end with the first token has ended by then
    assert await is_alive(going_on)
    await going_on.hang_up()


@pytest.mark.parametrize("role", ["user", "pilot", "admin"])
async def test_every_role_may_renew(dial: Dial, role: Any) -> None:
    """C1: with or without Bearer."""
    phone = await dial(f"renewing-{role}", role)
    for prefix in ("", "Bearer "):
        renewed = await phone.ask("auth:refresh", {"token": prefix + mint(f"renewing-{role}", role, key=KEY)})
        assert renewed.keys() == {"ok", "expiresAt"}


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (lambda: mint("another", "user", key=KEY), "forbidden"),
        (lambda: mint("stubborn", "admin", key=KEY), "forbidden"),
        (lambda: mint("stubborn", "user", key=KEY, ttl=-1), "token_expired"),
        (lambda: mint("stubborn", "user", key="another secret, also long enough"), "token_invalid"),
        (lambda: "rubbish", "token_invalid"),
        (lambda: "Bearer ", "token_missing"),
        (lambda: 17, "invalid"),
        (lambda: None, "invalid"),
    ],
    ids=range(8),
)
async def test_a_refusal_leaves_the_session_as_it_was(dial: Dial, token: Any, code: str) -> None:
    """C1: another person's, another role's, none: nobody becomes somebody else."""
    phone = await dial("stubborn", "user")
    answer = await phone.ask("auth:refresh", {"token": token()})
    assert (answer["ok"], answer["error"]["code"]) == (False, code)
    assert await is_alive(phone)
    assert (await phone.ask("admin:subscribe_assignments"))["error"]["code"] == "forbidden"
    assert not phone.gone.is_set()
