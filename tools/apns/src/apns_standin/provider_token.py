"""The check of `authorization: bearer <JWT>` (Apple, "Establishing a token-based connection to APNs")."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from apns_standin.answers import Answer, refuse

LIFE_S = 60 * 60
"""Apple refuses a token whose `iat` is older than an hour."""

CLOCK_SKEW_S = 60
"""How far ahead of ours the sender's clock may be; Apple publishes no figure."""


@dataclass
class ProviderTokens:
    """Judges provider tokens of one team, and remembers those it took.

    `update_interval_s`: a new token sooner than this after the one before it is refused with 429
    (Apple: 20 minutes); None takes any number. It is counted for the team, not for each connection, as
    "the same token from multiple provider servers" is what Apple asks for.
    """

    public_key: EllipticCurvePublicKey
    key_id: str
    team_id: str
    update_interval_s: float | None = None
    clock: Callable[[], float] = time.time
    _issued_at: dict[str, int] = field(default_factory=dict)
    _newest_seen_at: float | None = None

    def refusal(self, authorization: str | None) -> Answer | None:
        """None if the header's token is good, else 403 or 429 with Apple's reason."""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return refuse("MissingProviderToken")
        # Verified once: a signature costs more than all other checks together.
        issued_at = self._issued_at.get(token)
        is_new = issued_at is None
        if issued_at is None:
            issued_at = self._verified_issue_time(token)
        now = self.clock()
        if issued_at is None or issued_at > now + CLOCK_SKEW_S:
            return refuse("InvalidProviderToken")
        if issued_at < now - LIFE_S:
            return refuse("ExpiredProviderToken")
        return self._remember(token, issued_at, now) if is_new else None

    def _remember(self, token: str, issued_at: int, now: float) -> Answer | None:
        since_last = None if self._newest_seen_at is None else now - self._newest_seen_at
        interval = self.update_interval_s
        if interval is not None and since_last is not None and since_last < interval:
            return refuse("TooManyProviderTokenUpdates")
        self._issued_at = {t: at for t, at in self._issued_at.items() if at >= now - LIFE_S}
        self._issued_at[token] = issued_at
        self._newest_seen_at = now
        return None

    def _verified_issue_time(self, token: str) -> int | None:
        try:
            header = jwt.get_unverified_header(token)
            claims = jwt.decode(
                token,
                self.public_key,
                algorithms=["ES256"],
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False},
            )
        except jwt.InvalidTokenError:
            return None
        issued_at = claims.get("iat")
        ours = header.get("kid") == self.key_id and claims.get("iss") == self.team_id
        return issued_at if ours and type(issued_at) is int else None
