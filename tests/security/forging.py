"""Tokens that must not be let in, each wrong in one thing."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

Forge = Callable[[dict[str, Any], str], str]
"""Good claims and the services' key → a token."""


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(payload: str, key: str, header: str = '{"alg":"HS256","typ":"JWT"}') -> str:
    """An HS256 signature over whatever `header` and `payload` say."""
    signed = f"{b64(header.encode())}.{b64(payload.encode())}"
    return f"{signed}.{b64(hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest())}"


def unsigned(header: str, payload: str) -> str:
    return f"{b64(header.encode())}.{b64(payload.encode())}."


def but(**changes: Any) -> Forge:
    """Signed by the right key; a claim of None is left out."""
    return lambda claims, key: jwt.encode(
        {name: value for name, value in (claims | changes).items() if value is not None}, key, "HS256"
    )


def tampered(claims: dict[str, Any], key: str) -> str:
    head, _, signature = jwt.encode(claims, key, "HS256").split(".")
    return f"{head}.{b64(json.dumps(claims | {'role': 'admin'}).encode())}.{signature}"


RSA, EC = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
FORGED: dict[str, Forge] = {
    "another key": lambda claims, _: jwt.encode(claims, "another secret of enough characters", "HS256"),
    "payload changed after signing": tampered,
    "signature cut off": lambda claims, key: jwt.encode(claims, key, "HS256").rpartition(".")[0] + ".",
    "alg none": lambda claims, _: jwt.encode(claims, "", "none"),
    "alg NONE": lambda claims, _: unsigned('{"alg":"NONE"}', json.dumps(claims)),
    "HS384": lambda claims, key: jwt.encode(claims, key, "HS384"),
    "HS512": lambda claims, key: jwt.encode(claims, key, "HS512"),
    "RS256": lambda claims, _: jwt.encode(claims, RSA, "RS256"),
    "ES256": lambda claims, _: jwt.encode(claims, EC, "ES256"),
    "no alg": lambda claims, key: sign(json.dumps(claims), key, '{"typ":"JWT"}'),
    "alg is a list": lambda claims, key: sign(json.dumps(claims), key, '{"alg":["HS256"]}'),
    "key of its own": lambda claims, _: jwt.encode(
        claims, "x" * 32, "HS256", {"jwk": {"kty": "oct", "k": "eA"}}
    ),
    "unknown critical header": lambda claims, key: jwt.encode(claims, key, "HS256", {"crit": ["x"], "x": 1}),
    "header nested deeply": lambda _claims, key: sign("{}", key, "[" * 5000),
    "payload nested deeply": lambda _claims, key: sign("[" * 5000, key),
    "payload not an object": lambda _claims, key: sign("[]", key),
    "another issuer": but(iss="elsewhere"),
    "no issuer": but(iss=None),
    "another audience": but(aud="elsewhere"),
    "no audience": but(aud=None),
    "no expiry": but(exp=None),
    "expiry no number": but(exp="tomorrow"),
    "expiry NaN": lambda claims, key: sign(json.dumps(claims | {"exp": float("nan")}), key),
    "expiry beyond time": but(exp=10**15),
    "expiry endless": lambda claims, key: sign(json.dumps(claims | {"exp": float("inf")}), key),
    "not yet": but(nbf=int(time.time()) + 86_400),
    "no subject": but(sub=None),
    "empty subject": but(sub=""),
    "subject too long": but(sub="s" * 256),
    "subject with NUL": but(sub="a\0b"),
    "subject half a character": but(sub="\ud800"),
    "subject no text": lambda claims, key: sign(json.dumps(claims | {"sub": 5}), key),
    "no role": but(role=None),
    "role unknown": but(role="root"),
    "role a list": but(role=["admin"]),
    "three dots": lambda _claims, _key: "...",
    "no token at all": lambda _claims, _key: "hello",
    "not ASCII": lambda _claims, _key: "é.é.é",
}
