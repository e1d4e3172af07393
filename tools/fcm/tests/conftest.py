import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from fcm_standin import Standin, standin

TOKEN = "fcm-token:" + "A" * 130
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"

Send = Callable[..., Awaitable[httpx.Response]]
Grant = Callable[..., Awaitable[httpx.Response]]


class Clock:
    """Wall time, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@pytest.fixture(scope="session")
def fcm_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fcm")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def fcm(fcm_state: Path, clock: Clock) -> AsyncIterator[Standin]:
    async with standin(fcm_state, clock=clock) as running:
        yield running


@pytest.fixture
async def client(fcm: Standin) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(http2=True, verify=fcm.client_context(), base_url=fcm.url) as client:
        yield client


@pytest.fixture
def grant(fcm: Standin, client: httpx.AsyncClient) -> Grant:
    """Ask for an access token; `key`, `kid`, the grant type and every claim can be put wrong."""
    account = json.loads(fcm.service_account_file.read_text())

    async def grant(
        *, grant_type: str = GRANT, key: str | None = None, kid: str | None = None, **claims: object
    ) -> httpx.Response:
        now = int(time.time())
        good = {"iss": account["client_email"], "scope": SCOPE, "aud": account["token_uri"]}
        assertion = jwt.encode(
            good | {"iat": now, "exp": now + 3600} | claims,
            key or account["private_key"],
            "RS256",
            headers={"kid": kid or account["private_key_id"]},
        )
        form = {"grant_type": grant_type, "assertion": assertion}
        return await client.post(account["token_uri"], data=form)

    return grant


@pytest.fixture
async def send(fcm: Standin, client: httpx.AsyncClient, grant: Grant) -> Send:
    """Send a message that passes every check, but for what the test puts wrong."""
    access_token = (await grant()).json()["access_token"]

    async def send(
        token: str = TOKEN,
        *,
        method: str = "POST",
        project: str = fcm.project,
        authorization: str | None = f"Bearer {access_token}",
        content: bytes | None = None,
        **message: Any,
    ) -> httpx.Response:
        body = {"message": {"token": token, "notification": {"title": "T", "body": "B"}} | message}
        headers = {} if authorization is None else {"authorization": authorization}
        path = f"/v1/projects/{project}/messages:send"
        return await client.request(
            method, path, headers=headers, content=content or json.dumps(body).encode()
        )

    return send
