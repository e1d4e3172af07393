"""Who is let in: only a token that its issuer signed, for us, by the agreed algorithm, in its time."""

import re
import time
from typing import Any

import jwt
import pytest

from stack.house import House

from .forging import FORGED
from .visitor import Visitor, verdict

DOORS = ["/v1/bookings", "/v1/jobs/available", "/v1/notifications"]
INVALID = (401, "token_invalid")
UNKNOWN = "0190a0b0-0000-7000-8000-000000000000"


@pytest.fixture
def claims() -> dict[str, Any]:
    """Good ones."""
    hour = int(time.time()) + 3600
    return {"sub": "mallory", "role": "user", "iss": "waggle", "aud": "waggle", "exp": hour}


async def asks_with(visitor: Visitor, path: str, authorization: str) -> Any:
    # Bytes, for httpx would refuse to send some of these as text.
    return await visitor.asks(
        "GET",
        path,
        role=None,
        headers={"Authorization": authorization.encode("latin-1")},  # type: ignore[dict-item]
    )


@pytest.mark.parametrize("name", FORGED)
async def test_forged_token_is_refused_at_every_door(
    house: House, visitor: Visitor, claims: dict[str, Any], name: str
) -> None:
    """Issue 2, bad input; RFC 8725."""
    token = FORGED[name](claims, house.jwt_key)
    for door in DOORS:
        refusal = await asks_with(visitor, door, f"Bearer {token}")
        assert verdict(refusal) == INVALID
        assert refusal.headers["www-authenticate"] == "Bearer"


async def test_good_token_is_let_in(house: House, anywhere: Visitor, claims: dict[str, Any]) -> None:
    """So that the others are refused for what is wrong with them. The scheme's case does not count."""
    for scheme in ("Bearer", "bearer", "BEARER"):
        token = jwt.encode(claims | {"name": "Mal\0\ud800"}, house.jwt_key, "HS256")
        assert (await asks_with(anywhere, "/v1/bookings", f"{scheme} {token}")).status_code == 200


async def test_expired_token_is_refused_as_such(house: House, anywhere: Visitor) -> None:
    for door in DOORS:
        token = house.token("ann", "user", ttl=-1)
        assert verdict(await asks_with(anywhere, door, f"Bearer {token}")) == (401, "token_expired")


@pytest.mark.parametrize("authorization", ["", "Basic YW5uOnNlY3JldA==", "Bearer", "Negotiate x"])
async def test_request_without_a_token_is_refused_as_such(anywhere: Visitor, authorization: str) -> None:
    for door in DOORS:
        assert verdict(await asks_with(anywhere, door, authorization)) == (401, "token_missing")


def _filled(path: str) -> str:
    """A path of an API document, about something unknown."""
    return re.sub(r"\{\w+\}", UNKNOWN, path)


@pytest.mark.parametrize("service", ["booking", "matching", "push", "realtime"])
async def test_no_operation_answers_without_a_token(house: House, visitor: Visitor, service: str) -> None:
    """Every one that its API document lists."""
    document = (await visitor.client.get(f"{house.url}/docs/{service}/openapi.json")).json()
    answered = {
        (method, path): verdict(await visitor.asks(method.upper(), _filled(path), role=None))
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert answered == dict.fromkeys(answered, (401, "token_missing"))
    assert answered
