import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path

import httpx
import jwt
import pytest

from apns_standin import Standin, standin

TOPIC = "org.example.driver"
TOKEN = "ab" * 32

Send = Callable[..., Awaitable[httpx.Response]]
Sign = Callable[..., str]


class Clock:
    """Wall time, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@pytest.fixture(scope="session")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("apns")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def token_update_interval_s() -> float | None:
    return None


@pytest.fixture
async def apns(
    state_dir: Path, clock: Clock, token_update_interval_s: float | None
) -> AsyncIterator[Standin]:
    async with standin(
        state_dir, topics={TOPIC}, clock=clock, token_update_interval_s=token_update_interval_s
    ) as running:
        yield running


@pytest.fixture
def sign(apns: Standin) -> Sign:
    """Make a provider token; `key`, `alg`, `kid` and claims can be put wrong."""

    def sign(
        *, alg: str = "ES256", key: str | bytes | None = None, kid: str | None = None, **claims: object
    ) -> str:
        claims = {"iss": apns.team_id, "iat": int(time.time())} | claims
        signing_key = "" if alg == "none" else key or apns.key_file.read_bytes()
        return jwt.encode(claims, signing_key, alg, headers={"kid": kid or apns.key_id})

    return sign


@pytest.fixture
async def client(apns: Standin) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(http2=True, verify=apns.client_context(), base_url=apns.url) as client:
        yield client


@pytest.fixture
def send(client: httpx.AsyncClient, sign: Sign) -> Send:
    """Send a push that passes every check, but for what the test puts wrong (a header None is left out)."""
    good_token = sign()

    async def send(
        token: str = TOKEN,
        *,
        method: str = "POST",
        path: str | None = None,
        content: bytes = b'{"aps":{"alert":"hello"}}',
        extra: Iterable[tuple[bytes, bytes]] = (),
        **overrides: str | None,
    ) -> httpx.Response:
        defaults = {"authorization": f"bearer {good_token}", "apns-topic": TOPIC, "apns-push-type": "alert"}
        changed = {name.replace("_", "-"): value for name, value in overrides.items()}
        sent = {name: value for name, value in (defaults | changed).items() if value is not None}
        headers = [(name.encode(), value.encode()) for name, value in sent.items()] + list(extra)
        return await client.request(method, path or f"/3/device/{token}", headers=headers, content=content)

    return send
