"""Who is let in by this process: a token signed by a key of the issuer, and not revoked."""

from collections.abc import Awaitable, Callable, Mapping

from wire.identity import Verified, bare, header, invalid, verify
from wire.key_set import KeySet, PublicKey
from wire.revocations import Revocations
from wire.settings import ServiceSettings


class Verifier:
    """By the key of `settings`, or by the key set that they name; then `keep_keys` has to run.

    `revocations`: the tokens that are void all the same; without them, none is.
    """

    def __init__(self, settings: ServiceSettings, revocations: Revocations | None = None) -> None:
        self._settings, self._keys, self._revocations = settings, _key_set(settings), revocations

    def checks(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What must have been read before anybody can be let in, for `/readyz`."""
        found = {"keys": self._keys, "revocations": self._revocations}
        return {name: part.check for name, part in found.items() if part}

    async def keep_keys(self) -> None:
        """Run for as long as the process does; returns at once if there is no key set to read."""
        if self._keys:
            await self._keys.keep()

    async def verify(self, token: str | None) -> Verified:
        """As `wire.identity.verify`. Waits for nothing if the token's key is known.

        ProblemError 401 `token_revoked` besides; 503 `unavailable` as long as the key set was never read.
        """
        verified = verify(token, self._settings, await self._key_of(token))
        if self._revocations:
            self._revocations.refuse(verified.identity, verified.issued_at)
        return verified

    async def _key_of(self, token: str | None) -> PublicKey | None:
        if self._keys is None:
            return None
        said = header(bare(token))
        kid = said.get("kid")
        # Looked at before anything is asked for: nobody has the set read for a token that is refused anyway.
        if said.get("alg") != self._settings.jwt_algorithm or not isinstance(kid, str):
            raise invalid()
        key = await self._keys.find(kid)
        if key is None:
            raise invalid()
        return key


def _key_set(settings: ServiceSettings) -> KeySet | None:
    if settings.jwt_jwks_url is None:
        return None
    return KeySet(
        str(settings.jwt_jwks_url),
        settings.jwt_algorithm,
        settings.jwt_jwks_seconds,
        settings.jwt_jwks_unknown_seconds,
    )
