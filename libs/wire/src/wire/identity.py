"""Who is asking: a verified JWT (RFC 7519, RFC 8725), or a refusal that says which check failed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import jwt
from jwt.types import Options

from contracts.ids import MAX_SUBJECT_ID
from contracts.models import Identity, Role
from wire.key_set import PublicKey
from wire.problem import ProblemError
from wire.settings import ServiceSettings
from wire.strict_json import is_storable

CLOCKS_APART_S = 10
"""How far the issuer's clock may be ahead of ours: for `nbf` and `iat`. `exp` has no such grace, for a
session ends at it to the second."""

_REQUIRED: Options = {"require": ["exp", "iss", "aud", "sub"]}


class Verified(NamedTuple):
    """An identity, and when its proof ends and was made (UTC)."""

    identity: Identity
    expires_at: datetime
    issued_at: datetime | None = None


def refusal(code: str, message: str) -> ProblemError:
    """401."""
    return ProblemError(code, message, 401)


def invalid() -> ProblemError:
    """401 `token_invalid`; it does not say more, for who forges would learn from it."""
    return refusal("token_invalid", "The token is not valid")


def bare(token: str | None) -> str:
    """`token` without `Bearer ` before it (C1). ProblemError 401 `token_missing` if that is nothing."""
    token = (token or "").strip()
    scheme, _, rest = token.partition(" ")
    token = rest.strip() if scheme.lower() == "bearer" else token
    if not token:
        raise refusal("token_missing", "A token is required")
    return token


def header(token: str) -> Mapping[str, Any]:
    """What the bare token says of itself, not verified. ProblemError 401 if it is none."""
    try:
        return jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise invalid() from None


def verify(token: str | None, settings: ServiceSettings, key: PublicKey | None = None) -> Verified:
    """The identity in `token` (with or without `Bearer `, C1). ProblemError 401 otherwise.

    `key`: the settings' own if none is given. The algorithm is the configured one, whatever the token says;
    issuer, audience, expiry, `sub` and `role` must be there.
    """
    token, chosen = bare(token), key or _own_key(settings)
    try:
        claims = jwt.decode(
            token,
            chosen,
            algorithms=[settings.jwt_algorithm],
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
            leeway=CLOCKS_APART_S,
            options=_REQUIRED,
        )
        expires_at = datetime.fromtimestamp(int(claims["exp"]), UTC)
        issued_at = datetime.fromtimestamp(int(claims["iat"]), UTC) if "iat" in claims else None
    except jwt.ExpiredSignatureError:
        raise _expired() from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError):  # or a time that is none
        raise invalid() from None
    if expires_at <= datetime.now(UTC):
        raise _expired()
    return Verified(_identity(claims), expires_at, issued_at)


def _own_key(settings: ServiceSettings) -> str:
    if settings.jwt_key is None:
        raise ValueError("the keys are in the issuer's key set")
    return settings.jwt_key.get_secret_value()


def _expired() -> ProblemError:
    return refusal("token_expired", "The token has expired")


def _identity(claims: dict[str, object]) -> Identity:
    subject, role, name = claims.get("sub"), claims.get("role"), claims.get("name")
    if not (
        isinstance(subject, str) and is_storable(subject) and 0 < len(subject.encode()) <= MAX_SUBJECT_ID
    ):
        raise refusal("token_invalid", f"The token's sub must be 1 to {MAX_SUBJECT_ID} bytes")
    if not isinstance(role, str) or role not in Role.__members__:
        raise refusal("token_invalid", "The token's role must be user, pilot or admin")
    known_as = name if isinstance(name, str) and is_storable(name) else None
    return Identity(subject=str(subject), role=Role(role), name=known_as)
