"""Apple's rule: a provider token is used for 20 minutes at least, and for 60 at most."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from push.provider_token import ProviderToken

MINUTE = 60.0


class Clock:
    now = 1_800_000_000.5

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def key() -> str:
    private = ec.generate_private_key(ec.SECP256R1())
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def token(key: str, clock: Clock) -> ProviderToken:
    return ProviderToken(key, "KEYID", "TEAMID", clock)


def test_a_token_says_who_signed_it_and_when(token: ProviderToken) -> None:
    scheme, _, encoded = token.get_header().partition(" ")
    claims = jwt.decode(encoded, options={"verify_signature": False})
    assert scheme == "bearer"
    assert claims == {"iss": "TEAMID", "iat": 1_800_000_000}
    header = jwt.get_unverified_header(encoded)
    assert (header["alg"], header["kid"]) == ("ES256", "KEYID")


def test_a_token_is_kept_for_twenty_minutes_and_renewed_before_sixty(
    token: ProviderToken, clock: Clock
) -> None:
    first, began, used_for = token.get_header(), clock.now, 0.0
    while token.get_header() == first:
        used_for = clock.now - began
        clock.now += MINUTE
    assert 20 * MINUTE <= used_for < 60 * MINUTE


def test_a_token_called_expired_is_replaced_at_once_but_not_twice_in_twenty_minutes(
    token: ProviderToken, clock: Clock
) -> None:
    """Apple: 429 TooManyProviderTokenUpdates. Our clock was wrong, and is right now; or it is still wrong."""
    first = token.get_header()
    clock.now += 1
    second = token.renewed(first)
    assert second
    assert second == token.get_header() != first
    clock.now += 19 * MINUTE
    assert token.renewed(second) is None
    assert token.get_header() == second
    clock.now += MINUTE
    assert token.renewed(second) == token.get_header() != second


def test_all_who_were_refused_with_the_same_token_share_its_successor(
    token: ProviderToken, clock: Clock
) -> None:
    first = token.get_header()
    clock.now += 1
    assert len({token.renewed(first) for _ in range(50)}) == 1
