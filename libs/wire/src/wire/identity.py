"""Who is asking: a verified JWT (RFC 7519, RFC 8725), or a refusal that says which check failed."""

from datetime import UTC, datetime
from typing import NamedTuple

import jwt

from contracts.ids import MAX_SUBJECT_ID
from contracts.models import Identity, Role
from wire.problem import ProblemError
from wire.settings import ServiceSettings
from wire.strict_json import is_storable


class Verified(NamedTuple):
    """An identity and when its proof ends (UTC)."""

    identity: Identity
    expires_at: datetime


def _refusal(code: str, message: str) -> ProblemError:
    return ProblemError(code, message, 401)


def verify(token: str | None, settings: ServiceSettings) -> Verified:
    """The identity in `token` (with or without `Bearer `, C1). ProblemError 401 otherwise.

    The algorithm is the configured one, whatever the token says; issuer, audience, expiry, `sub` and
    `role` must be there.
    """
    token = (token or "").strip()
    scheme, _, rest = token.partition(" ")
    token = rest.strip() if scheme.lower() == "bearer" else token
    if not token:
        raise _refusal("token_missing", "A token is required")
    try:
        claims = jwt.decode(
            token,
            settings.jwt_key.get_secret_value(),
            algorithms=[settings.jwt_algorithm],
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        expires_at = datetime.fromtimestamp(int(claims["exp"]), UTC)
    except jwt.ExpiredSignatureError:
        raise _refusal("token_expired", "The token has expired") from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError):  # or a time that is none
        raise _refusal("token_invalid", "The token is not valid") from None
    return Verified(_identity(claims), expires_at)


def _identity(claims: dict[str, object]) -> Identity:
    subject, role, name = claims.get("sub"), claims.get("role"), claims.get("name")
    if not (
        isinstance(subject, str) and is_storable(subject) and 0 < len(subject.encode()) <= MAX_SUBJECT_ID
    ):
        raise _refusal("token_invalid", f"The token's sub must be 1 to {MAX_SUBJECT_ID} bytes")
    if not isinstance(role, str) or role not in Role.__members__:
        raise _refusal("token_invalid", "The token's role must be user, pilot or admin")
    known_as = name if isinstance(name, str) and is_storable(name) else None
    return Identity(subject=str(subject), role=Role(role), name=known_as)
