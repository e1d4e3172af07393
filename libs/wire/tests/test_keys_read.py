"""What of a published key set is used, and where keys may come from (C1)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

from wire.key_set import parse
from wire.settings import DatabaseSettings

from .issuer import document, new_key, public_jwk

Settings = Callable[..., DatabaseSettings]
RSA, EC = new_key("RS256"), new_key("ES256")
UNFIT: dict[str, dict[str, Any]] = {
    "no kid": public_jwk("x", RSA, kid=None),
    "kid no text": public_jwk("x", RSA, kid=["x"]),
    "another algorithm": public_jwk("x", RSA, alg="RS512"),
    "algorithm no text": public_jwk("x", RSA, alg=["RS256"]),
    "another kind": public_jwk("x", EC),
    "another kind, mislabelled": public_jwk("x", EC, alg="RS256"),
    "for encryption": public_jwk("x", RSA, use="enc"),
    "for signing only": public_jwk("x", RSA, key_ops=["sign"]),
    "operations no list": public_jwk("x", RSA, key_ops="verify"),
    "a secret": {"kty": "oct", "kid": "x", "k": "c2VjcmV0", "alg": "RS256"},
    "private": {**json.loads(RSAAlgorithm.to_jwk(RSA)), "kid": "x"},  # type: ignore[arg-type]
    "too short": public_jwk("x", rsa.generate_private_key(65537, 1024)),
    "modulus missing": public_jwk("x", RSA, n=None),
    "modulus no text": public_jwk("x", RSA, n=5),
    "modulus empty": public_jwk("x", RSA, n=""),
    "modulus no base64": public_jwk("x", RSA, n="é~"),
    "exponent zero": public_jwk("x", RSA, e="AA"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_key_that_is_not_for_us_is_left_out(name: str) -> None:
    """C1: and does not spoil those beside it."""
    good = public_jwk("good", RSA, alg=None, use=None)
    assert list(parse(document(UNFIT[name], good, UNFIT[name]), "RS256")) == ["good"]
    with pytest.raises(ValueError, match="no key"):
        parse(document(UNFIT[name]), "RS256")


def test_curve_of_another_algorithm_is_left_out() -> None:
    """C1: ES256 is P-256 (RFC 7518, 3.4), whatever the key is labelled as."""
    key = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(ValueError, match="no key"):
        parse(document(public_jwk("x", key, alg="ES256")), "ES256")


@pytest.mark.parametrize(
    "given",
    [
        {"jwt_key": None},
        {"jwt_jwks_url": "https://issuer.example/keys", "jwt_algorithm": "ES256"},
        {"jwt_key": None, "jwt_jwks_url": "https://issuer.example/keys", "jwt_algorithm": "HS256"},
        {"jwt_key": None, "jwt_jwks_url": "file:///keys", "jwt_algorithm": "ES256"},
    ],
)
def test_keys_have_one_source(settings: Settings, given: dict[str, Any]) -> None:
    """C1: an error at the start, not at the first token."""
    with pytest.raises(ValueError, match="jwt_"):
        settings(**given)
