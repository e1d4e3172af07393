"""Tokens of people: what is let in (C1), and what each refusal says."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from contracts.ids import MAX_SUBJECT_ID
from contracts.models import Identity, Role
from wire.identity import CLOCKS_APART_S, verify
from wire.problem import ProblemError
from wire.settings import DatabaseSettings

Settings = Callable[..., DatabaseSettings]
KEY = "the secret of these tests, long enough " * 2
PRIVATE = ec.generate_private_key(ec.SECP256R1())
PUBLIC_PEM = PRIVATE.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


HOURS = 86_400
"""Seconds. Some tokens are made when the tests are collected, and used minutes later."""


def claims(**changed: Any) -> dict[str, Any]:
    """Good ones, but for what is given; None removes a claim."""
    good = {"sub": "u|1", "role": "user", "iss": "waggle", "aud": "waggle", "exp": int(time.time()) + HOURS}
    return {name: value for name, value in (good | changed).items() if value is not None}


def token(key: Any = KEY, algorithm: str = "HS256", **changed: Any) -> str:
    return raw(claims(**changed)) if key is None else jwt.encode(claims(**changed), key, algorithm)


def raw(body: dict[str, Any], header: dict[str, Any] | None = None, key: bytes = KEY.encode()) -> str:
    """Signed by hand: a library would refuse to make some of these."""

    def part(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    head = part(json.dumps(header or {"alg": "HS256", "typ": "JWT"}).encode())
    signed = head + b"." + part(json.dumps(body).encode())
    return (signed + b"." + part(hmac.new(key, signed, hashlib.sha256).digest())).decode()


def refused(given: str | None, settings: DatabaseSettings) -> str:
    with pytest.raises(ProblemError) as raised:
        verify(given, settings)
    assert raised.value.problem.status == 401
    return raised.value.problem.code


@pytest.mark.parametrize("before", ["", "Bearer ", "bearer ", "BEARER  ", "  "])
def test_good_token_is_let_in_with_and_without_bearer(before: str, settings: Settings) -> None:
    """C1."""
    verified = verify(before + token(name="Bee"), settings(jwt_key=KEY))
    assert verified.identity == Identity(subject="u|1", role=Role.user, name="Bee")
    assert 0 < verified.expires_at.timestamp() - time.time() <= HOURS


@pytest.mark.parametrize("role", Role)
def test_all_three_roles_are_known(role: Role, settings: Settings) -> None:
    """C1."""
    assert verify(token(role=role.value), settings(jwt_key=KEY)).identity.role is role


@pytest.mark.parametrize("nothing", [None, "", "  ", "Bearer ", "Bearer"])
def test_missing_token_is_told_as_such(nothing: str | None, settings: Settings) -> None:
    """C1: a connect_error that says which."""
    assert refused(nothing, settings(jwt_key=KEY)) == "token_missing"


def test_expired_token_is_told_as_such(settings: Settings) -> None:
    """C1."""
    assert refused(token(exp=int(time.time()) - 1), settings(jwt_key=KEY)) == "token_expired"


@pytest.mark.parametrize(
    "changed",
    [
        *({name: None} for name in ("sub", "role", "iss", "aud", "exp")),
        {"iss": "elsewhere"},
        {"aud": "elsewhere"},
        {"aud": ["elsewhere"]},
        {"nbf": 9_999_999_999},
        {"role": "root"},
        {"role": ["user"]},
        {"role": "User"},
        {"role": "__class__"},
        {"sub": ""},
        {"sub": "x" * (MAX_SUBJECT_ID + 1)},
        {"sub": "ż" * (MAX_SUBJECT_ID // 2 + 1)},
        {"sub": 7},
        {"sub": ["u"]},
        {"sub": "a\0b"},
        {"sub": "a\ud800b"},
        {"exp": "soon"},
        {"exp": ["x"]},
        {"exp": 1e30},
        {"exp": float("inf")},
        {"exp": float("nan")},
    ],
    ids=lambda changed: str(changed)[:30],
)
def test_wrong_claim_is_refused(changed: dict[str, Any], settings: Settings) -> None:
    """Issue 2, bad input. None of them is our failure."""
    assert refused(raw(claims(**changed)), settings(jwt_key=KEY)) == "token_invalid"


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_issuer_whose_clock_is_a_little_ahead_is_believed(claim: str, settings: Settings) -> None:
    """C1: a token is good from the moment at which the app has it. Not so if it is a minute ahead."""
    now = int(time.time())
    assert verify(raw(claims(**{claim: now + CLOCKS_APART_S - 2})), settings(jwt_key=KEY)).identity
    assert refused(raw(claims(**{claim: now + 60})), settings(jwt_key=KEY)) == "token_invalid"


def test_longest_sub_is_let_in(settings: Settings) -> None:
    assert verify(token(sub="x" * MAX_SUBJECT_ID), settings(jwt_key=KEY)).identity.subject


def test_expiry_written_as_text_is_read(settings: Settings) -> None:
    """PyJWT takes it; so do we."""
    assert verify(raw(claims(exp=str(int(time.time()) + 60))), settings(jwt_key=KEY)).identity


@pytest.mark.parametrize("name", [7, ["x"], "a\0b", "\ud800"])
def test_name_that_cannot_be_shown_or_kept_is_left_out(name: Any, settings: Settings) -> None:
    assert verify(raw(claims(name=name)), settings(jwt_key=KEY)).identity.name is None


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
def test_unsigned_token_is_refused(algorithm: str, settings: Settings) -> None:
    """RFC 8725, 3.2: alg none."""
    unsigned = raw(claims(), {"alg": algorithm, "typ": "JWT"}).rsplit(".", 1)[0] + "."
    assert refused(unsigned, settings(jwt_key=KEY)) == "token_invalid"


def test_forged_token_is_refused(settings: Settings) -> None:
    assert refused(token(key=KEY[::-1]), settings(jwt_key=KEY)) == "token_invalid"


def test_public_key_is_no_secret(settings: Settings) -> None:
    """RFC 8725, 2.1: a token signed by HS256 with the public key, against a service that verifies ES256."""
    service = settings(jwt_algorithm="ES256", jwt_key=PUBLIC_PEM.decode())
    assert verify(token(key=PRIVATE, algorithm="ES256"), service).identity.subject == "u|1"
    for header in ({"alg": "HS256"}, {"alg": "ES256"}):
        assert refused(raw(claims(), header, PUBLIC_PEM), service) == "token_invalid"


def test_token_of_another_algorithm_is_refused(settings: Settings) -> None:
    assert refused(token(algorithm="HS512"), settings(jwt_key=KEY)) == "token_invalid"
    assert refused(token(key=PRIVATE, algorithm="ES256"), settings(jwt_key=KEY)) == "token_invalid"


@pytest.mark.parametrize("text", ["x", "a.b.c", "...", "é.é.é", "\ud800", "e30.e30.e30", "x" * 100_000, "\0"])
def test_text_that_is_no_token_is_refused(text: str, settings: Settings) -> None:
    assert refused(text, settings(jwt_key=KEY)) == "token_invalid"
