"""Tokens for the people of a development stack."""

import time
from typing import Literal

import jwt

Role = Literal["user", "pilot", "admin"]

ISSUER = "waggle"
AUDIENCE = "waggle"


def mint(
    sub: str, role: Role, *, key: str, ttl: float = 3600.0, name: str | None = None, algorithm: str = "HS256"
) -> str:
    """Sign a JWT (RFC 7519) for `sub`, valid from now for `ttl` seconds (negative: already expired).

    Roles: user = customer, pilot = driver, admin. `key` is the secret, or the private key in PEM.
    """
    now = int(time.time())
    claims: dict[str, str | int] = {
        "sub": sub,
        "role": role,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": int(now + ttl),
    }
    if name is not None:
        claims["name"] = name
    return jwt.encode(claims, key, algorithm=algorithm)
