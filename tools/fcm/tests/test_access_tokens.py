import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fcm_standin import TOKEN_ENDPOINT, Script, Standin

Send = Callable[..., Awaitable[httpx.Response]]
Grant = Callable[..., Awaitable[httpx.Response]]

TIMES = ("iat", "exp")
"""In seconds from now, in the table below."""


async def test_a_signed_assertion_brings_an_access_token(grant: Grant) -> None:
    answer = await grant()
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("expires_in", "token_type")} == {
        "expires_in": 3599,
        "token_type": "Bearer",
    }


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"iss": "somebody@else"}, "invalid_grant"),
        ({"aud": "https://oauth2.example/token"}, "invalid_grant"),
        ({"kid": "another"}, "invalid_grant"),
        ({"exp": 9000}, "invalid_grant"),
        ({"iat": -7200, "exp": -3600}, "invalid_grant"),
        ({"iat": 600, "exp": 1200}, "invalid_grant"),
        ({"iat": "now"}, "invalid_grant"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, "invalid_scope"),
    ],
    ids=lambda given: "-".join(given) if isinstance(given, dict) else given,
)
async def test_an_assertion_that_is_wrong_is_refused(grant: Grant, wrong: dict[str, Any], error: str) -> None:
    now = int(time.time())
    dated = {name: now + wrong[name] for name in TIMES if isinstance(wrong.get(name), int)}
    answer = await grant(**(wrong | dated))
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_a_stranger_s_key_is_refused(grant: Grant) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert (await grant(key=pem)).json()["error"] == "invalid_grant"


async def test_an_access_token_ends_with_its_hour(send: Send, clock: Any) -> None:
    clock.ahead_s = 3590
    assert (await send()).status_code == 200
    clock.ahead_s = 3600
    answer = await send()
    assert answer.status_code == 401
    assert answer.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_EXPIRED"


async def test_a_test_can_end_all_access_tokens(send: Send, fcm: Standin, grant: Grant) -> None:
    fcm.tokens.expire()
    assert (await send()).status_code == 401
    again = (await grant()).json()["access_token"]
    assert (await send(authorization=f"Bearer {again}")).status_code == 200
    assert fcm.tokens.issued == 2


async def test_the_token_endpoint_fails_on_demand(grant: Grant, fcm: Standin) -> None:
    fcm.script(TOKEN_ENDPOINT, Script(error="UNAVAILABLE", times=1))
    assert [(await grant()).status_code for _ in range(2)] == [503, 200]
