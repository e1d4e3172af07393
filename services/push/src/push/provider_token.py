"""The provider token that APNs knows us by (Apple, "Establishing a token-based connection to APNs")."""

import time
from collections.abc import Callable

import jwt
from aioapns.connection import AuthorizationHeaderProvider

RENEW_AFTER = 40 * 60
"""Seconds. Apple wants a token used for 20 minutes at least and 60 at most."""
SHORTEST_USE = 20 * 60
"""New ones sooner than that are answered 429 TooManyProviderTokenUpdates."""


class ProviderToken(AuthorizationHeaderProvider):
    """One token for all connections. aioapns makes one a connection, which Apple answers with 429."""

    def __init__(self, key: str, key_id: str, team_id: str, clock: Callable[[], float] = time.time) -> None:
        self._key, self._key_id, self._team_id, self._clock = key, key_id, team_id, clock
        self._header, self._issued_at, self._replaced_at = "", 0.0, -float(SHORTEST_USE)

    def get_header(self) -> str:
        """The value of `authorization`; signs a new token when the last one is 40 minutes old."""
        if not self._header or self._clock() - self._issued_at >= RENEW_AFTER:
            self._sign()
        return self._header

    def renewed(self, refused: str) -> str | None:
        """What to say instead of `refused`, which APNs calls expired; None if that would be the same.

        A clock that was wrong and is right now makes for such a token, however young it is: then a new one
        helps at once, and at worst it is refused like the old one. But only one in 20 minutes: as long as
        our clock is wrong the next would be no better.
        """
        if refused != self._header:
            return self._header
        if self._clock() - self._replaced_at < SHORTEST_USE:
            return None
        self._replaced_at = self._clock()
        self._sign()
        return self._header

    def _sign(self) -> None:
        self._issued_at = self._clock()
        claims = {"iss": self._team_id, "iat": int(self._issued_at)}
        token = jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self._key_id})
        self._header = f"bearer {token}"
