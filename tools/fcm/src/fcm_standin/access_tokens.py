"""The OAuth token endpoint: a signed assertion in, an access token out.

Sources: RFC 7523 §2.1 and §3; Google, "Using OAuth 2.0 for Server to Server Applications".
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from fcm_standin.answers import Answer

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPES = frozenset(
    {
        "https://www.googleapis.com/auth/firebase.messaging",
        "https://www.googleapis.com/auth/cloud-platform",
    }
)
LIFE_S = 3599
"""As Google's: an hour less a second."""
LONGEST_ASSERTION_S = 3600
CLOCK_SKEW_S = 60
OK, BAD_REQUEST = 200, 400


@dataclass
class AccessTokens:
    """Issues access tokens to one service account, and judges them."""

    public_key: RSAPublicKey
    client_email: str
    key_id: str
    life_s: int = LIFE_S
    clock: Callable[[], float] = time.time
    token_url: str = ""
    """Where it is asked for them, which is what an assertion is made out to."""
    issued: int = 0
    _ends_at: dict[str, float] = field(default_factory=dict)

    def grant(self, body: bytes) -> Answer:
        """Answer a request to the token endpoint."""
        form = {name: values[0] for name, values in parse_qs(body.decode("latin-1")).items()}
        if form.get("grant_type") != GRANT:
            return _refused("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type')}")
        try:
            claims = self._claims(form.get("assertion", ""))
        except jwt.InvalidTokenError as error:
            return _refused("invalid_grant", f"Invalid JWT: {error}")
        if not SCOPES.intersection(str(claims.get("scope")).split()):
            return _refused("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        token = f"ya29.{secrets.token_urlsafe(48)}"
        self._ends_at[token] = self.clock() + self.life_s
        self.issued += 1
        body_of = {"access_token": token, "expires_in": self.life_s, "token_type": "Bearer"}
        return Answer(OK, body_of)

    def refusal(self, authorization: str | None) -> str | None:
        """None if the header's token is good, else the reason why not, in Google's words."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return "CREDENTIALS_MISSING"
        if token not in self._ends_at:
            return "ACCESS_TOKEN_TYPE_UNSUPPORTED"
        return "ACCESS_TOKEN_EXPIRED" if self.clock() >= self._ends_at[token] else None

    def expire(self) -> None:
        """End every token that was issued so far."""
        self._ends_at = dict.fromkeys(self._ends_at, 0.0)

    def _claims(self, assertion: str) -> dict[str, object]:
        claims: dict[str, object] = jwt.decode(
            assertion,
            self.public_key,
            algorithms=["RS256"],
            audience=self.token_url,
            issuer=self.client_email,
            options={"require": ["iat", "exp"], "verify_exp": False, "verify_iat": False},
        )
        if jwt.get_unverified_header(assertion).get("kid") != self.key_id:
            raise jwt.InvalidTokenError("kid is of no key of this account")
        now, issued_at, ends_at = self.clock(), claims["iat"], claims["exp"]
        if not (isinstance(issued_at, int) and isinstance(ends_at, int)):
            raise jwt.InvalidIssuedAtError("iat and exp must be whole seconds")
        lives = ends_at - issued_at <= LONGEST_ASSERTION_S and issued_at <= now + CLOCK_SKEW_S
        if not lives or ends_at <= now:
            raise jwt.ExpiredSignatureError("Token must be a short-lived token (60 minutes)")
        return claims


def _refused(error: str, description: str) -> Answer:
    """RFC 6749 §5.2."""
    return Answer(BAD_REQUEST, {"error": error, "error_description": description}, error)
