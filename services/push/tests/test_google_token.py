"""One access token for all, renewed in time, by one renewal at a time (RFC 7523)."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fcm_standin import TOKEN_ENDPOINT, Script, Standin, standin
from push.google_connection import GoogleConnection, http2_client
from push.google_token import GoogleToken, TokenError, service_account

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
MINUTE = 60.0
SOON = 30
"""Seconds: bounds a failure."""


class Clock:
    """Wall time, and what a test adds to it."""

    ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@pytest.fixture(scope="module")
def google_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("google")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def google(google_state: Path, clock: Clock) -> AsyncIterator[Standin]:
    async with standin(google_state, clock=clock) as running:
        yield running


@pytest.fixture
async def connection(google: Standin) -> AsyncIterator[GoogleConnection]:
    tls = ssl.create_default_context(cafile=google.ca_file)
    connection = GoogleConnection(lambda: http2_client(tls, SOON))
    yield connection
    await connection.aclose()


@pytest.fixture
async def token(google: Standin, connection: GoogleConnection, clock: Clock) -> AsyncIterator[GoogleToken]:
    account = service_account(google.service_account_file.read_text())
    token = GoogleToken(account, SCOPE, connection.post, clock)
    yield token
    await token.aclose()


async def renewed(token: GoogleToken, first: str) -> str:
    """The next token, as soon as it is there; renewing wakes nobody, so it is asked for."""
    async with asyncio.timeout(SOON):
        while (now := await token.get()) == first:
            await asyncio.sleep(0.01)
    return now


async def test_all_who_need_a_token_at_once_get_the_same(token: GoogleToken, google: Standin) -> None:
    google.script(TOKEN_ENDPOINT, Script(hang_s=0.2))
    assert len(set(await asyncio.gather(*(token.get() for _ in range(50))))) == 1
    assert google.tokens.issued == 1


async def test_a_token_is_kept_until_shortly_before_its_end(
    token: GoogleToken, google: Standin, connection: GoogleConnection, clock: Clock
) -> None:
    first = await token.get()
    clock.ahead_s = 50 * MINUTE
    assert await token.get() == first
    account = service_account(google.service_account_file.read_text())
    await GoogleToken(account, SCOPE, connection.post, clock).get()  # after which a renewal would be there
    assert google.tokens.issued == 2


async def test_nobody_waits_for_a_renewal_while_the_old_token_lives(
    token: GoogleToken, google: Standin, clock: Clock
) -> None:
    first = await token.get()
    clock.ahead_s = 58 * MINUTE
    google.script(TOKEN_ENDPOINT, Script(hang_s=600))
    assert [await token.get() for _ in range(3)] == [first] * 3


async def test_a_token_is_replaced_before_its_end(token: GoogleToken, google: Standin, clock: Clock) -> None:
    first = await token.get()
    clock.ahead_s = 58 * MINUTE
    assert await renewed(token, first) != first
    assert google.tokens.issued == 2


async def test_a_token_that_has_ended_is_never_given(token: GoogleToken, clock: Clock) -> None:
    first = await token.get()
    clock.ahead_s = 61 * MINUTE
    assert await token.get() != first


async def test_a_refused_token_is_renewed_once_however_many_heard_it(
    token: GoogleToken, google: Standin
) -> None:
    first = await token.get()

    async def hear_it_refused() -> str:
        token.refused(first)
        return await token.get()

    found = await asyncio.gather(*(hear_it_refused() for _ in range(20)))
    token.refused(first)  # by one whose answer was slow
    assert {*found, await token.get()} == {found[0]}
    assert found[0] != first
    assert google.tokens.issued == 2


async def test_who_gives_up_takes_the_token_from_nobody(token: GoogleToken, google: Standin) -> None:
    google.script(TOKEN_ENDPOINT, Script(hang_s=0.2))
    impatient, patient = asyncio.create_task(token.get()), asyncio.create_task(token.get())
    await asyncio.sleep(0)  # both wait for the same renewal now
    impatient.cancel()
    assert await asyncio.wait_for(patient, SOON)
    assert impatient.cancelled()
    assert google.tokens.issued == 1


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (Script(error="UNAVAILABLE", times=1), "token: 503"),
        (Script(reset=True, times=1), "token: "),
    ],
    ids=["unavailable", "reset"],
)
async def test_without_a_token_it_is_said_why_and_the_next_to_ask_tries_again(
    token: GoogleToken, google: Standin, script: Script, reason: str
) -> None:
    google.script(TOKEN_ENDPOINT, script)
    answers = await asyncio.gather(token.get(), token.get(), return_exceptions=True)
    assert all(isinstance(one, TokenError) for one in answers)
    assert str(answers[0]).startswith(reason)
    assert await token.get()


async def test_an_account_that_google_refuses_is_quoted(
    google: Standin, connection: GoogleConnection, clock: Clock
) -> None:
    given = json.loads(google.service_account_file.read_text()) | {"client_email": "somebody@else"}
    stranger = GoogleToken(service_account(json.dumps(given)), SCOPE, connection.post, clock)
    with pytest.raises(TokenError, match="token: 400 invalid_grant"):
        await stranger.get()


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        '{"client_email": "a@b"}',
        '{"client_email":"a","private_key_id":"k","private_key":"p","token_uri":"http://clear.example"}',
    ],
    ids=["text", "list", "part", "clear"],
)
def test_a_file_that_is_no_service_account_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="service account"):
        service_account(text)


@pytest.mark.parametrize("key", ["nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_a_key_that_cannot_sign_is_found_out_and_not_shown(google: Standin, key: str) -> None:
    given: dict[str, Any] = json.loads(google.service_account_file.read_text()) | {"private_key": key}
    account = service_account(json.dumps(given))
    with pytest.raises(ValueError, match="no RSA key"):
        account.assertion(SCOPE, 0)
    assert key not in repr(account)


def test_the_token_url_can_be_another(google: Standin) -> None:
    text = google.service_account_file.read_text()
    assert service_account(text).token_url == f"{google.url}/token"
    assert service_account(text, "https://proxy.example/token").token_url == "https://proxy.example/token"
