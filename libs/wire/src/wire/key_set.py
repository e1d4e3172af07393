"""The public keys that an issuer publishes (JSON Web Key Set, RFC 7517): read, kept, and read again."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any

import httpx
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wire.problem import ProblemError

log = structlog.get_logger()

PublicKey = EllipticCurvePublicKey | RSAPublicKey

FETCH_SECONDS = 5.0
"""Longest that one reading may take, from the connection to the last byte."""
MOST_BYTES = 256 * 1024
"""Longest set that is read: some hundreds of keys."""
LEAST_RSA_BITS = 2048
"""RFC 7518, 3.3."""
FIRST_RETRY_S = 0.5

_UNREADABLE = (httpx.HTTPError, OSError, ValueError, RecursionError, TimeoutError)


def parse(text: bytes, algorithm: str) -> dict[str, PublicKey]:
    """Keys by `kid`: those meant for signatures of this algorithm (ES256 or RS256), and fit for them.

    Others are left out. ValueError if that leaves none.
    """
    told = json.loads(text)
    listed = told.get("keys") if isinstance(told, dict) else None
    if not isinstance(listed, list):
        raise ValueError("not a key set")  # noqa: TRY004  # as for every other rubbish
    keys: dict[str, PublicKey] = {}
    for one in listed:
        if isinstance(one, dict) and _is_meant(one, algorithm) and (key := _usable(one, algorithm)):
            keys.setdefault(one["kid"], key)
    if not keys:
        raise ValueError(f"no key of it has a kid and is for {algorithm}")
    return keys


def _is_meant(said: Mapping[str, Any], algorithm: str) -> bool:
    operations = said.get("key_ops", ["verify"])
    return (
        isinstance(said.get("kid"), str)
        and said.get("alg", algorithm) == algorithm
        and said.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
    )


def _usable(said: dict[str, Any], algorithm: str) -> PublicKey | None:
    """None for a key of another kind (PyJWT looks), and for a private one: who published it has lost it."""
    try:
        key = jwt.PyJWK(said, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return None
    if isinstance(key, RSAPublicKey) and key.key_size >= LEAST_RSA_BITS:
        return key
    return key if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1) else None


class KeySet:
    """The keys at `url`. `keep` has to run; it alone reads, so that no number of askers reads at once.

    `seconds`: between two readings. `unknown_seconds`: least time between two readings that tokens of unknown
    keys cause, and longest pause before an issuer that failed is asked again.
    """

    def __init__(self, url: str, algorithm: str, seconds: float, unknown_seconds: float) -> None:
        self._url, self._algorithm = url, algorithm
        self._seconds, self._unknown_seconds = seconds, unknown_seconds
        self._keys: Mapping[str, PublicKey] = {}
        self._failures = 0
        self._wanted = asyncio.Event()
        self._coming: asyncio.Future[None] | None = None
        self._wanted_again_at = 0.0

    async def check(self) -> None:
        """Raises ConnectionError as long as the set was never read."""
        if not self._keys:
            raise ConnectionError("the issuer's keys were not read yet")

    async def find(self, kid: str) -> PublicKey | None:
        """At once if the key is known, and if it is not and the set was read again a moment ago: then None.

        Otherwise the set is read again first. ProblemError 503 as long as it was never read.
        """
        if not self._keys:
            raise ProblemError(
                "unavailable", "The issuer's keys are not here yet; try again in a moment", 503
            )
        if kid not in self._keys and self._is_asking():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2 * FETCH_SECONDS):  # one reading may be under way already
                    await asyncio.shield(self._asked())
        return self._keys.get(kid)

    def _is_asking(self) -> bool:
        return self._coming is not None or asyncio.get_running_loop().time() >= self._wanted_again_at

    def _asked(self) -> asyncio.Future[None]:
        """Done when a reading has ended that had not begun yet."""
        if self._coming is None:
            loop = asyncio.get_running_loop()
            self._coming = loop.create_future()
            self._wanted_again_at = loop.time() + self._unknown_seconds
            self._wanted.set()
        return self._coming

    async def keep(self) -> None:
        """Run for ever: read at once, then every so often, and when a token of an unknown key came."""
        limits = httpx.Timeout(FETCH_SECONDS)
        async with httpx.AsyncClient(timeout=limits, follow_redirects=False) as client:
            while True:
                self._wanted.clear()
                coming = self._coming
                try:
                    await self._read(client)
                finally:
                    if coming:
                        self._coming = None
                        coming.set_result(None)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause()):
                        await self._wanted.wait()

    def _pause(self) -> float:
        if not self._failures:
            return self._seconds
        return float(min(FIRST_RETRY_S * 2 ** min(self._failures - 1, 30), self._unknown_seconds))

    async def _read(self, client: httpx.AsyncClient) -> None:
        """A set that cannot be read, or has no key for us, leaves the last good one in force."""
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                keys = parse(await _fetched(client, self._url), self._algorithm)
        except _UNREADABLE as error:
            self._failures += 1
            log.warning(
                "keys.unreadable", failures=self._failures, known=len(self._keys), error=repr(error)[:300]
            )
            return
        if keys.keys() != self._keys.keys():
            log.info("keys.changed", kids=sorted(keys)[:20])
        self._failures, self._keys = 0, keys


async def _fetched(client: httpx.AsyncClient, url: str) -> bytes:
    """The body. Redirects are not followed: the issuer's address is the one that was configured."""
    body = bytearray()
    # Not compressed: a few bytes on the wire could be gigabytes here.
    wanted = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}
    async with client.stream("GET", url, headers=wanted) as response:
        if response.status_code != httpx.codes.OK:
            raise ValueError(f"answered {response.status_code}")
        async for part in response.aiter_raw():
            body += part
            if len(body) > MOST_BYTES:
                raise ValueError(f"longer than {MOST_BYTES} bytes")
    return bytes(body)
