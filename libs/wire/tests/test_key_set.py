"""Keys that an issuer publishes: found, renewed, and kept while it is away (C1)."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import jwt
import pytest

from stack.ports import Reservation
from wire import key_set
from wire.problem import ProblemError
from wire.settings import DatabaseSettings
from wire.verifier import Verifier

from .conftest import Until
from .issuer import Issuer, document, hmac_by, new_key, pem, public_jwk, signed

Settings = Callable[..., DatabaseSettings]
Open = Callable[..., Verifier]
STRANGER = {"ES256": new_key("ES256"), "RS256": new_key("RS256")}
NEVER = 3600.0
AT_ONCE = 1e-9


@pytest.fixture(params=["ES256", "RS256"])
async def issuer(request: pytest.FixtureRequest) -> AsyncIterator[Issuer]:
    """With a key `first`, and open."""
    issuer = Issuer(request.param)
    issuer.rotate("first")
    issuer.open.set()
    async with issuer.at_work():
        yield issuer


@pytest.fixture
async def open_verifier(settings: Settings, issuer: Issuer) -> AsyncIterator[Open]:
    """One that reads the issuer's keys; for unknown ones again, at once or in an hour."""
    async with AsyncExitStack() as stack:

        def opened(unknown_seconds: float = AT_ONCE, **changed: Any) -> Verifier:
            given = {"jwt_key": None, "jwt_jwks_url": issuer.url, "jwt_algorithm": issuer.algorithm}
            verifier = Verifier(settings(**given, jwt_jwks_unknown_seconds=unknown_seconds, **changed))
            stack.push_async_callback(ended, asyncio.create_task(verifier.keep_keys()))
            return verifier

        yield opened


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def is_ready(verifier: Verifier) -> bool:
    try:
        await verifier.checks()["keys"]()
    except ConnectionError:
        return False
    return True


@pytest.fixture
async def verifier(open_verifier: Open, until: Until) -> Verifier:
    """Ready; an unknown key has it ask at once."""
    verifier = open_verifier()
    await until(lambda: is_ready(verifier))
    return verifier


async def refused(verifier: Verifier, token: str | None) -> tuple[int, str]:
    with pytest.raises(ProblemError) as raised:
        await verifier.verify(token)
    return raised.value.problem.status, raised.value.problem.code


INVALID = (401, "token_invalid")


@pytest.mark.parametrize("before", ["", "Bearer "])
async def test_token_of_a_published_key_is_let_in(verifier: Verifier, issuer: Issuer, before: str) -> None:
    """C1."""
    verified = await verifier.verify(before + issuer.token("first", iat=int(time.time())))
    assert verified.identity.subject == "u|1"
    assert verified.issued_at is not None


async def test_known_key_waits_for_nothing(verifier: Verifier, issuer: Issuer) -> None:
    """C1: also while the issuer is silent."""
    issuer.open.clear()
    asking = asyncio.create_task(verifier.verify(signed(STRANGER[issuer.algorithm], "unknown")))
    while issuer.asked < 2:
        await asyncio.sleep(0)
    with pytest.raises(StopIteration) as returned:  # it never gives the loop a turn
        verifier.verify(issuer.token("first")).send(None)
    assert returned.value.value.identity.subject == "u|1"
    issuer.open.set()
    with pytest.raises(ProblemError):
        await asking


async def test_rotated_key_is_found_by_the_first_token_of_it(verifier: Verifier, issuer: Issuer) -> None:
    """C1: and the key that was withdrawn is void from then on."""
    old = issuer.token("first")
    issuer.rotate("second")
    del issuer.keys["first"]
    assert await verifier.verify(old)
    assert (await verifier.verify(issuer.token("second"))).identity.subject == "u|1"
    assert await refused(verifier, old) == INVALID


async def test_rotated_key_is_found_in_time_though_nobody_uses_it(
    open_verifier: Open, issuer: Issuer
) -> None:
    """C1: the set is read again every so often, unasked."""
    verifier = open_verifier(NEVER, jwt_jwks_seconds=0.05)
    issuer.rotate("second")
    before = issuer.asked
    async with asyncio.timeout(60):
        while issuer.asked < before + 3:
            await asyncio.sleep(0.01)
    assert await verifier.verify(issuer.token("second"))


async def test_flood_of_made_up_keys_is_one_request(
    open_verifier: Open, issuer: Issuer, until: Until
) -> None:
    """C1: all of them are refused; those that come later, at once."""
    verifier = open_verifier(NEVER)
    await until(lambda: is_ready(verifier))
    flood = [signed(STRANGER[issuer.algorithm], f"made up {number}") for number in range(200)]
    told = await asyncio.gather(*(refused(verifier, token) for token in flood))
    assert set(told) == {INVALID}
    assert issuer.asked == 2
    for token in flood[:50]:
        with pytest.raises(ProblemError):
            verifier.verify(token).send(None)
    assert issuer.asked == 2
    assert await verifier.verify(issuer.token("first"))


async def test_keys_are_kept_while_the_issuer_is_away(settings: Settings, until: Until) -> None:
    """C1: and new ones are found when it is back."""
    reservation = Reservation()  # the port stays its own while it is away
    issuer = Issuer(port=reservation.port())
    issuer.open.set()
    issuer.rotate("first")
    async with issuer.at_work():
        given = {"jwt_key": None, "jwt_jwks_url": issuer.url, "jwt_algorithm": "ES256"}
        verifier = Verifier(settings(**given, jwt_jwks_unknown_seconds=AT_ONCE))
        keeping = asyncio.create_task(verifier.keep_keys())
        await until(lambda: is_ready(verifier))
    issuer.rotate("second")
    assert await refused(verifier, issuer.token("second")) == INVALID
    assert await verifier.verify(issuer.token("first"))
    async with issuer.at_work():
        assert await verifier.verify(issuer.token("second"))
        await ended(keeping)
    reservation.release()


GOOD = public_jwk("second", STRANGER["ES256"])
RUBBISH: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"<html>Sign in</html>",
    "no UTF-8": b"\xff\xfe\x00",
    "no object": b"[]",
    "no keys": b'{"keys": []}',
    "keys of no list": b'{"keys": {"kid": "second"}}',
    "keys that are none": b'{"keys": [null, 5, "x", [], {}]}',
    "nested deeply": b"[" * 100_000,
    "longer than is read": document({**GOOD, "x5c": ["A" * key_set.MOST_BYTES]}),
}


@pytest.mark.parametrize("name", RUBBISH)
async def test_last_good_set_is_kept_when_rubbish_comes(
    verifier: Verifier, issuer: Issuer, name: str
) -> None:
    """C1."""
    issuer.body = RUBBISH[name]
    assert await refused(verifier, signed(STRANGER[issuer.algorithm], "second")) == INVALID
    assert issuer.asked > 1
    assert await verifier.verify(issuer.token("first"))


@pytest.mark.parametrize("status", ["201 Made", "404 Gone", "429 Later", "500 Down"])
async def test_last_good_set_is_kept_when_the_issuer_refuses(
    verifier: Verifier, issuer: Issuer, status: str
) -> None:
    """C1: whatever the refusal has in it."""
    issuer.head = status
    issuer.rotate("second")
    assert await refused(verifier, issuer.token("second")) == INVALID
    assert await verifier.verify(issuer.token("first"))


async def test_nobody_is_sent_elsewhere_for_keys(verifier: Verifier, issuer: Issuer) -> None:
    """C1: a redirect would let whoever made it name the keys."""
    elsewhere = Issuer(issuer.algorithm)
    elsewhere.open.set()
    elsewhere.rotate("second")
    async with elsewhere.at_work():
        issuer.head = f"302 Found\r\nLocation: {elsewhere.url}"
        assert await refused(verifier, elsewhere.token("second")) == INVALID
    assert elsewhere.asked == 0


async def test_issuer_that_never_ends_its_answer_is_given_up(
    verifier: Verifier, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C1: nobody waits for longer than one reading may take, and it is asked again."""
    monkeypatch.setattr(key_set, "FETCH_SECONDS", 0.2)
    issuer.drips = True
    issuer.rotate("second")
    assert await refused(verifier, issuer.token("second")) == INVALID
    async with asyncio.timeout(60):
        while issuer.asked < 4:
            await asyncio.sleep(0.01)
    issuer.drips = False
    monkeypatch.undo()
    assert await verifier.verify(issuer.token("second"))


async def test_nobody_is_refused_for_good_before_the_keys_are_here(
    open_verifier: Open, issuer: Issuer, until: Until
) -> None:
    """C1: 503, and `/readyz` says what is missing."""
    issuer.body = b"not yet"
    verifier = open_verifier()
    async with asyncio.timeout(60):
        while not issuer.asked:
            await asyncio.sleep(0.01)
    assert await refused(verifier, issuer.token("first")) == (503, "unavailable")
    assert not await is_ready(verifier)
    assert await refused(verifier, None) == (401, "token_missing")
    issuer.body = None
    await until(lambda: is_ready(verifier))
    assert await verifier.verify(issuer.token("first"))


def other(algorithm: str) -> str:
    return "RS256" if algorithm == "ES256" else "ES256"


def signed_with_kid_of_number(issuer: Issuer) -> str:
    head, body, _ = signed(issuer.keys["first"], "first").split(".")
    head = jwt.utils.base64url_encode(json.dumps({"alg": issuer.algorithm, "kid": 1}).encode()).decode()
    signature = jwt.get_algorithm_by_name(issuer.algorithm).sign(
        f"{head}.{body}".encode(), issuer.keys["first"]
    )
    return f"{head}.{body}.{jwt.utils.base64url_encode(signature).decode()}"


FORGED: dict[str, Callable[[Issuer], str]] = {
    "public key as a secret": lambda issuer: hmac_by(pem(issuer.keys["first"])),
    "published key as a secret": lambda issuer: hmac_by(
        json.dumps(public_jwk("first", issuer.keys["first"]))
    ),
    "no signature": lambda issuer: jwt.encode({"sub": "u"}, "", "none", {"kid": "unknown"}),
    "no kid": lambda issuer: signed(issuer.keys["first"], None),
    "kid is no text": signed_with_kid_of_number,
    "another's signature": lambda issuer: signed(STRANGER[issuer.algorithm], "first"),
    "another algorithm": lambda issuer: signed(STRANGER[other(issuer.algorithm)], "unknown"),
    "a key of its own": lambda issuer: signed(
        STRANGER[issuer.algorithm],
        "first",
        {"jwk": public_jwk("first", STRANGER[issuer.algorithm]), "jku": "http://127.0.0.1:1/keys"},
    ),
    "no token": lambda _: "x.y.z",
}


@pytest.mark.parametrize("name", FORGED)
async def test_forged_token_is_refused_and_causes_no_request(
    verifier: Verifier, issuer: Issuer, name: str
) -> None:
    """C1; RFC 8725, 2.1 and 3.1: the algorithm is ours to say, and the key the issuer's."""
    assert await refused(verifier, FORGED[name](issuer)) == INVALID
    assert issuer.asked == 1
