"""The provider token that APNs knows us by (Apple, "Establishing a token-based connection to APNs")."""

import time
from collections.abc import Callable

import jwt
from aioapns.connection import AuthorizationHeaderProvider

RENEW_AFTER = 40 * 60
"""Seconds. Apple wants a token used for 20 minutes at least and 60 at most."""
SHORTEST_USE = 20 * 60
"""A new one sooner is answered 429 TooManyProviderTokenUpdates."""


class ProviderToken(AuthorizationHeaderProvider):
    """One token for all connections. aioapns makes one a connection, which Apple answers with 429."""

    def __init__(self, key: str, key_id: str, team_id: str, clock: Callable[[], float] = time.time) -> None:
        self._key, self._key_id, self._team_id, self._clock = key, key_id, team_id, clock
        self._header, self._issued_at = "", 0.0

    def get_header(self) -> str:
        """The value of `authorization`; signs a new token when the last one is 40 minutes old."""
        if not self._header or self._clock() - self._issued_at >= RENEW_AFTER:
            self._sign()
        return self._header

    def refused_as_expired(self) -> None:
        """APNs called it expired, so its clock is ahead of ours: the next push gets a new one."""
        if self._clock() - self._issued_at >= SHORTEST_USE:
            self._header = ""

    def _sign(self) -> None:
        self._issued_at = self._clock()
        claims = {"iss": self._team_id, "iat": int(self._issued_at)}
        token = jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self._key_id})
        self._header = f"bearer {token}"
