"""What a connection to APNs endures, over real HTTP/2 (A11)."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aioapns.common import NotificationResult
from aioapns.exceptions import ConnectionClosed
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import Event, RequestReceived, StreamEnded

from apns_standin import Script, Standin, standin
from contracts.ids import new_id
from push.apns import Apns
from push.apns_pool import ApnsPool
from push.notifier import Environment, Outcome, TooLateError, Verdict
from push.provider_token import ProviderToken

from .android import push
from .http2_server import HANGING, HOST, WINDOW, Answer, Clock, Held, answering, take

TOPIC = "app.waggle.driver"
STREAMS = 50


@pytest.fixture
async def apns(push_apns_state: Path) -> AsyncIterator[Standin]:
    async with standin(push_apns_state, topics=[TOPIC]) as running:
        yield running


@pytest.fixture
async def pool(apns: Standin) -> AsyncIterator[ApnsPool]:
    """At most one connection."""
    pool = ApnsPool(apns.host, apns.port, apns.client_context(), max_connections=1)
    yield pool
    await pool.aclose()


@pytest.fixture
def headers(apns: Standin) -> list[tuple[str, str]]:
    token = ProviderToken(apns.key_file.read_text(), apns.key_id, apns.team_id)
    given = {"apns-topic": TOPIC, "apns-push-type": "alert", "authorization": token.get_header()}
    return list(given.items())


async def answers(pool: ApnsPool, headers: list[tuple[str, str]], many: int, body: bytes) -> list[str]:
    """The statuses of so many pushes sent at once."""

    async def post() -> NotificationResult:
        return await pool.post(new_id().hex * 2, str(new_id()), headers, body)

    async with asyncio.timeout(60):
        return [answer.status for answer in await asyncio.gather(*(post() for _ in range(many)))]


async def test_more_than_the_window_takes_waits_and_is_sent(push_apns_state: Path) -> None:
    """A11: aioapns fails those that do not fit, and the phone hears of them a retry later."""
    body, many = b" " * 4000, 100
    async with serving(push_apns_state, take) as pool:
        await answers(pool, [], 1, body)  # connected: the others are written in one turn of the loop
        assert await answers(pool, [], many, body) == ["200"] * many
    assert many * len(body) > 6 * WINDOW


async def test_any_number_of_refusals_leaves_the_connection_open(
    pool: ApnsPool, apns: Standin, headers: list[tuple[str, str]]
) -> None:
    """A10, A11: each has a body, which is acknowledged, or APNs could say no more after the first 64 KiB."""
    at_once, refusal = 100, '{"reason":"Unregistered","timestamp":1790000000123}'
    apns.script("*", Script(reason="Unregistered", timestamp_ms=1_790_000_000_123))
    for _ in range(WINDOW // len(refusal) // at_once + 1):
        assert await answers(pool, headers, at_once, b'{"aps":{}}') == ["410"] * at_once
    assert len(pool.connections) == 1


async def test_a_stream_that_apns_resets_is_no_longer_waited_for(push_apns_state: Path) -> None:
    """A11: its place is free again, and so more of them than there are streams do no harm."""
    async with serving(push_apns_state, refuse) as pool, asyncio.timeout(60):
        for _ in range(2 * STREAMS):
            with pytest.raises(ConnectionClosed):
                await post(pool, "ab" * 32)
        assert len(pool.connections) == 1


async def test_a_push_that_is_given_up_makes_room_for_one_that_waits(push_apns_state: Path) -> None:
    """A11: no word from APNs is needed for that."""
    async with serving(push_apns_state, take_some) as pool, asyncio.timeout(60):
        await post(pool, "ab" * 32)  # connected
        hanging = [asyncio.create_task(post(pool, HANGING)) for _ in range(STREAMS - 1)]
        await asyncio.create_task(
            post(pool, "ab" * 32)
        )  # answered after the others came, so the connection is known to live
        hanging.append(asyncio.create_task(post(pool, HANGING)))
        waiting = asyncio.create_task(post(pool, "ab" * 32))
        while not pool.connections[0].is_busy:
            await asyncio.sleep(0)
        hanging[0].cancel()
        assert (await waiting).status == "200"
        for one in hanging:
            one.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


async def test_a_push_whose_deadline_passes_while_it_waits_for_a_stream_is_not_sent(
    push_apns_state: Path,
) -> None:
    """B4: nothing of it, and its place is for the next that waits."""
    clock, held = Clock(), Held()
    async with serving(push_apns_state, held.take, streams=1, clock=clock) as pool, asyncio.timeout(60):
        await post(pool, "ab" * 32)  # connected
        holding = asyncio.create_task(post(pool, HANGING))
        await held.holds.wait()
        late = asyncio.create_task(post(pool, "1a" * 32, clock.now + 1))
        waiting = asyncio.create_task(post(pool, "2b" * 32, clock.now + 2))
        await asyncio.sleep(0)
        clock.now += 1
        held.go_on.set()
        assert (await holding).status == "200"
        with pytest.raises(TooLateError):
            await late
        assert (await waiting).status == "200"
    assert held.tokens == ["ab" * 32, HANGING, "2b" * 32]


async def test_a_push_that_is_past_its_deadline_ends_there(pool: ApnsPool, apns: Standin) -> None:
    """B4: also if nothing kept it from being sent."""
    token = ProviderToken(apns.key_file.read_text(), apns.key_id, apns.team_id)
    notifier = Apns({Environment.production: pool}, token)
    assert await notifier.send(push(lives=0, token="1a" * 32)) == Outcome(Verdict.expired, "deadline passed")
    assert await notifier.send(push(token="2b" * 32)) == Outcome(Verdict.sent)
    assert [came.token for came in apns.pushes()] == ["2b" * 32]


async def post(pool: ApnsPool, token: str, deadline: float = math.inf) -> NotificationResult:
    return await pool.post(token, str(new_id()), [], b"{}", deadline)


def take_some(conn: H2Connection, event: Event) -> None:
    if not isinstance(event, RequestReceived) or dict(event.headers)[b":path"].endswith(HANGING.encode()):
        return
    take(conn, event)


def refuse(conn: H2Connection, event: Event) -> None:
    if isinstance(event, StreamEnded):
        conn.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)


@asynccontextmanager
async def serving(
    state: Path, answer: Answer, streams: int = STREAMS, clock: Callable[[], float] = time.time
) -> AsyncIterator[ApnsPool]:
    """A pool of one connection to a server with a few streams at a time."""
    async with answering(state, answer, streams) as (port, tls):
        pool = ApnsPool(HOST, port, tls, max_connections=1, clock=clock)
        yield pool
        await pool.aclose()
