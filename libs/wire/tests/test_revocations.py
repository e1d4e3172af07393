"""Tokens that are void before they expire (C1): heard on the bus, read from the stream, refused over HTTP."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import jwt
import pytest
from nats.aio.client import Client

from contracts.events import IdentityRevoked
from contracts.models import Identity, Role
from contracts.streams import IDENTITY
from stack.house import House
from stack.ports import HOST, Reservation
from wire.connection import connect
from wire.envelope import MESSAGE_ID, seal
from wire.http import Caller, create_app
from wire.publish import publish
from wire.revocations import Revocations
from wire.run import serve_http
from wire.settings import DatabaseSettings
from wire.verifier import Verifier

from .conftest import KEY, Until

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def somebody() -> str:
    return f"u-{uuid.uuid4().hex[:8]}"


@asynccontextmanager
async def following(nc: Client, revocations: Revocations | None = None) -> AsyncIterator[Revocations]:
    """One that has read the stream, as a service has when it is ready."""
    revocations = revocations or Revocations()
    task = asyncio.create_task(revocations.follow(nc))
    try:
        async with asyncio.timeout(60):
            while not await is_known(revocations):
                await asyncio.sleep(0.01)
        yield revocations
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def is_known(revocations: Revocations) -> bool:
    try:
        await revocations.check()
    except ConnectionError:
        return False
    return True


@pytest.fixture
async def follow(nc: Client) -> AsyncIterator[Callable[[], Awaitable[Revocations]]]:
    async with AsyncExitStack() as stack:

        async def start() -> Revocations:
            return await stack.enter_async_context(following(nc))

        yield start


Follow = Callable[[], Awaitable[Revocations]]


async def is_void(revocations: Revocations, sub: str, at: datetime | None = NOW) -> bool:
    return revocations.covers(Identity(subject=sub, role=Role.user), at)


async def test_everybody_who_follows_hears_of_it(
    nc: Client, follow: Follow, until: Until, somebody: str
) -> None:
    """C1: and one that starts later has read it by the time it is ready."""
    first, second = await follow(), await follow()
    heard: list[IdentityRevoked] = []
    revoked = IdentityRevoked(subject_id=somebody, issued_before=NOW, reason="a phone was stolen")
    with first.told_to(heard.append):
        await publish(nc.jetstream(), revoked)
        for each in (first, second):
            await until(partial(is_void, each, somebody, NOW - HOUR))
    assert heard == [revoked]
    assert await is_void(await follow(), somebody, NOW - HOUR)


@pytest.mark.parametrize(
    ("revoked", "void"),
    [
        ({"issued_before": NOW}, {"user before", "pilot before", "user undated", "pilot undated"}),
        ({"issued_before": NOW, "role": "pilot"}, {"pilot before", "pilot undated"}),
        ({"role": "user"}, {"user before", "user after", "user undated"}),
        ({}, {f"{role} {when}" for role in ("user", "pilot") for when in ("before", "after", "undated")}),
    ],
)
async def test_only_what_was_named_is_void(
    nc: Client, follow: Follow, somebody: str, revoked: dict[str, object], void: set[str]
) -> None:
    """C1: a token of the very moment is not older; one without `iat` counts as older."""
    await publish(nc.jetstream(), IdentityRevoked.model_validate({"subject_id": somebody} | revoked))
    revocations = await follow()
    times = {"before": NOW - timedelta(seconds=1), "after": NOW, "undated": None}
    people = {role: Identity(subject=somebody, role=Role(role)) for role in ("user", "pilot")}
    found = {
        f"{role} {when}"
        for role, one in people.items()
        for when, time in times.items()
        if revocations.covers(one, time)
    }
    assert found == void
    assert not await is_void(revocations, somebody + "x", None)


async def test_earlier_revocation_stands_beside_a_later_one(
    nc: Client, follow: Follow, somebody: str
) -> None:
    """C1: an operator that revokes less afterwards gives nothing back."""
    for before in (NOW, NOW - 2 * HOUR):
        await publish(nc.jetstream(), IdentityRevoked(subject_id=somebody, issued_before=before))
    await publish(nc.jetstream(), IdentityRevoked(subject_id=somebody, role=Role.pilot))
    assert await is_void(await follow(), somebody, NOW - HOUR)


async def test_revocation_is_forgotten_when_the_stream_forgets_it(nc: Client, somebody: str) -> None:
    """C1: one that runs for long knows what one that starts would know, and no more."""
    clock = [datetime.now(UTC)]
    old, new = somebody + "old", somebody + "new"
    for age, sub in ((IDENTITY.max_age, old), (timedelta(), new)):
        letter = seal(IdentityRevoked(subject_id=sub), clock[0] - age)
        await nc.jetstream().publish(letter.subject, letter.body, headers=dict(letter.headers))
    async with following(nc, Revocations(now=lambda: clock[0])) as revocations:
        assert not await is_void(revocations, old)
        assert await is_void(revocations, new)
        clock[0] += IDENTITY.max_age
        assert not await is_void(revocations, new)


async def test_what_was_missed_while_the_bus_was_away_is_read(
    house: House, somebody: str, until: Until
) -> None:
    """C1, B13: and told, so that sockets end late rather than never."""
    heard: list[IdentityRevoked] = []
    cut = Client()
    async with connect(cut, house.nats_url, name="cut") as nc, following(nc) as revocations:
        with revocations.told_to(heard.append):
            await _publish_unheard(house, cut, somebody)
            await until(lambda: is_void(revocations, somebody))
    assert [event.subject_id for event in heard] == [somebody]


async def _publish_unheard(house: House, cut: Client, somebody: str) -> None:
    """While this client has no subscription at the server: as if it had been away."""
    for subscription in list(cut._subs.values()):
        await cut._send_unsubscribe(subscription._id)
    await cut.flush()
    async with connect(Client(), house.nats_url, name="other") as other:
        await publish(other.jetstream(), IdentityRevoked(subject_id=somebody))
    await house.kill("nats")
    await house.start("nats")


async def test_rubbish_in_the_stream_is_passed_over(nc: Client, follow: Follow, somebody: str) -> None:
    """C1"""
    await nc.jetstream().publish(f"identity.revoked.{somebody}", b"rubbish", headers={MESSAGE_ID: somebody})
    await publish(nc.jetstream(), IdentityRevoked(subject_id=somebody))
    assert await is_void(await follow(), somebody)


def token(sub: str, issued_at: datetime) -> str:
    claims = {"sub": sub, "role": "user", "iss": "waggle", "aud": "waggle", "iat": int(issued_at.timestamp())}
    return jwt.encode(claims | {"exp": NOW + 24 * HOUR}, KEY, "HS256")


async def test_service_refuses_a_revoked_token(
    nc: Client, settings: Callable[..., DatabaseSettings], somebody: str, until: Until
) -> None:
    """C1: over HTTP at once, with a code of its own; a token that was issued since is let in."""
    reservation, revocations = Reservation(), Revocations()
    chosen = settings(http_port=reservation.port())
    app = create_app("test", "1.2.3", chosen, {}, Verifier(chosen, revocations))

    @app.get("/me")
    async def me(caller: Caller) -> str:
        return caller.subject

    serving = asyncio.create_task(serve_http(app, chosen))
    transport = httpx.AsyncHTTPTransport(retries=8)  # until it listens
    url = f"http://{HOST}:{chosen.http_port}"
    async with httpx.AsyncClient(base_url=url, transport=transport, timeout=60) as client:

        async def ask(path: str = "/me", issued_at: datetime = NOW - HOUR) -> tuple[int, str | None]:
            headers = {"Authorization": f"Bearer {token(somebody, issued_at)}"}
            answer = await client.get(path, headers=headers)
            return answer.status_code, answer.json().get("code") if answer.status_code != 200 else None

        assert (await ask())[0] == 200  # without the bus it does its work, but is not ready for more
        assert await ask("/readyz") == (503, "not_ready")
        async with following(nc, revocations):
            assert (await ask())[0] == (await ask("/readyz"))[0] == 200
            await publish(nc.jetstream(), IdentityRevoked(subject_id=somebody, issued_before=NOW))
            await until(lambda: is_void(revocations, somebody, NOW - HOUR))
            assert await ask() == (401, "token_revoked")
            assert (await ask(issued_at=NOW + timedelta(seconds=1)))[0] == 200
    serving.cancel()
    await asyncio.wait({serving})
    reservation.release()
