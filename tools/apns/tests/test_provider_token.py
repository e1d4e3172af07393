import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from apns_standin import Standin

Send = Callable[..., Awaitable[httpx.Response]]
Sign = Callable[..., str]


def another_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


@pytest.mark.parametrize("header", [None, "", "bearer", "bearer ", "basic dXNlcjpwYXNz"])
async def test_a_push_without_provider_token_is_refused(send: Send, header: str | None) -> None:
    answer = await send(authorization=header)
    assert (answer.status_code, answer.json()) == (403, {"reason": "MissingProviderToken"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"kid": "OTHERKEY01"},
        {"iss": "OTHERTEAM1"},
        {"iat": "today"},
        {"iat": True},
        {"iat": None},
        {"iat": int(time.time()) + 3600},
        {"key": another_key()},
        {"key": "a shared secret of at least 32 bytes", "alg": "HS256"},
        {"alg": "none"},
    ],
)
async def test_a_token_that_does_not_verify_is_refused(send: Send, sign: Sign, wrong: dict[str, Any]) -> None:
    answer = await send(authorization=f"bearer {sign(**wrong)}")
    assert (answer.status_code, answer.json()) == (403, {"reason": "InvalidProviderToken"})


async def test_a_token_that_is_no_jwt_is_refused(send: Send) -> None:
    assert (await send(authorization="bearer nonsense")).json() == {"reason": "InvalidProviderToken"}


async def test_a_token_is_taken_for_an_hour_from_its_issue(send: Send, sign: Sign) -> None:
    old = sign(iat=int(time.time()) - 3590)
    too_old = sign(iat=int(time.time()) - 3601)
    assert (await send(authorization=f"bearer {old}")).status_code == 200
    answer = await send(authorization=f"bearer {too_old}")
    assert (answer.status_code, answer.json()) == (403, {"reason": "ExpiredProviderToken"})


async def test_a_token_taken_before_expires_all_the_same(send: Send, clock: Any) -> None:
    assert (await send()).status_code == 200
    clock.ahead_s = 3601
    assert (await send()).json() == {"reason": "ExpiredProviderToken"}


async def test_any_number_of_tokens_is_taken_by_default(send: Send, sign: Sign) -> None:
    assert [(await send(authorization=f"bearer {sign()}")).status_code for _ in range(3)] == [200] * 3


@pytest.mark.parametrize("token_update_interval_s", [1200.0])
class TestWithAnUpdateInterval:
    async def test_a_second_token_too_soon_is_refused_with_429(self, send: Send, sign: Sign) -> None:
        assert (await send()).status_code == 200
        answer = await send(authorization=f"bearer {sign()}")
        assert (answer.status_code, answer.json()) == (429, {"reason": "TooManyProviderTokenUpdates"})

    async def test_the_first_token_goes_on_being_good(self, send: Send, sign: Sign) -> None:
        await send()
        await send(authorization=f"bearer {sign()}")
        assert (await send()).status_code == 200

    async def test_it_counts_for_the_team_not_for_the_connection(
        self, apns: Standin, send: Send, sign: Sign
    ) -> None:
        first = await send()
        headers = dict(first.request.headers) | {"authorization": f"bearer {sign()}"}
        async with httpx.AsyncClient(http2=True, verify=apns.client_context()) as other:
            answer = await other.post(first.request.url, headers=headers, content=first.request.content)
        assert answer.json() == {"reason": "TooManyProviderTokenUpdates"}
        assert {push.connection for push in apns.pushes()} == {1, 2}

    async def test_a_second_token_after_the_interval_is_taken(
        self, send: Send, sign: Sign, clock: Any
    ) -> None:
        await send()
        clock.ahead_s = 1201
        assert (await send(authorization=f"bearer {sign()}")).status_code == 200
