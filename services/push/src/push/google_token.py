"""The access token that Google knows us by (RFC 7523 §2.1; Google, "Using OAuth 2.0 for Server to Server
Applications")."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

import httpx
import jwt
import structlog

log = structlog.get_logger()

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
FORM = {"content-type": "application/x-www-form-urlencoded"}
ASSERTION_SECONDS = 3600
"""The longest that Google takes."""
USED_FOR = 0.9
"""Share of its life after which a token is renewed; the rest is time to try again in."""
RENEWAL_SECONDS = 10
"""How long one renewal may take. Not the attempt that needs the token: others wait for it too."""


class TokenError(Exception):
    """There is no token to be had now; the message says why."""


@dataclass(frozen=True)
class ServiceAccount:
    """Who asks for a token, and where."""

    email: str
    key_id: str
    key: str = field(repr=False)
    token_url: str

    def assertion(self, scope: str, now: float) -> str:
        """ValueError if the key can't sign."""
        claims = {
            "iss": self.email,
            "scope": scope,
            "aud": self.token_url,
            "iat": int(now),
            "exp": int(now) + ASSERTION_SECONDS,
        }
        try:
            return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.key_id})
        except (ValueError, TypeError, jwt.PyJWTError):
            raise ValueError("the key of the service account is no RSA key") from None


def service_account(text: str, token_url: str | None = None) -> ServiceAccount:
    """What Google's JSON file says; `token_url` goes before its own. ValueError for anything else."""
    try:
        given = json.loads(text)
        account = ServiceAccount(
            str(given["client_email"]),
            str(given["private_key_id"]),
            str(given["private_key"]),
            token_url or str(given["token_uri"]),
        )
    except (ValueError, LookupError, TypeError):
        raise ValueError("not the JSON key file of a service account") from None
    if not account.token_url.startswith("https://"):
        raise ValueError("the token URL of the service account is not https")
    return account


class Post(Protocol):
    """Sends one request; httpx.RequestError if no answer comes."""

    def __call__(self, url: str, *, content: bytes, headers: dict[str, str]) -> Awaitable[httpx.Response]: ...


class GoogleToken:
    """One token for all requests, renewed before its end, by one renewal at a time."""

    def __init__(
        self, account: ServiceAccount, scope: str, post: Post, clock: Callable[[], float] = time.time
    ) -> None:
        self._account, self._scope, self._post, self._clock = account, scope, post, clock
        self._token, self._renew_at, self._ends_at = "", 0.0, 0.0
        self._renewal: asyncio.Task[None] | None = None

    async def get(self) -> str:
        """A token that lives. While it does nobody waits for the next one. TokenError; may be cancelled,
        which leaves the renewal to those who also wait for it."""
        now = self._clock()
        if now >= self._renew_at and self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(self._renewed)
        if now >= self._ends_at and self._renewal:
            await asyncio.shield(self._renewal)
        return self._token

    def refused(self, token: str) -> None:
        """Google takes it no longer. Said of one that has been replaced since, it changes nothing."""
        if token == self._token:
            self._renew_at = self._ends_at = 0.0

    async def aclose(self) -> None:
        """End a renewal that is under way."""
        if self._renewal:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)

    async def _renew(self) -> None:
        now = self._clock()
        form = {"grant_type": GRANT, "assertion": self._account.assertion(self._scope, now)}
        try:
            async with asyncio.timeout(RENEWAL_SECONDS):
                answer = await self._post(
                    self._account.token_url, content=urlencode(form).encode(), headers=FORM
                )
        except (TimeoutError, httpx.RequestError) as error:
            raise TokenError(f"token: {type(error).__name__}") from error
        self._token, life = _granted(answer)
        self._renew_at, self._ends_at = now + life * USED_FOR, now + life

    def _renewed(self, renewal: asyncio.Task[None]) -> None:
        self._renewal = None
        if not renewal.cancelled() and (error := renewal.exception()):
            log.warning("push.token_not_renewed", error=str(error))


def _granted(answer: httpx.Response) -> tuple[str, float]:
    """The token and its life in seconds (RFC 6749 §5.1); TokenError for an error (§5.2)."""
    try:
        body = answer.json()
        if answer.status_code == httpx.codes.OK:
            return str(body["access_token"]), float(body["expires_in"])
        error = body["error"] if isinstance(body["error"], str) else ""
    except (ValueError, LookupError, TypeError):
        error = ""
    raise TokenError(f"token: {answer.status_code} {error}".rstrip())
