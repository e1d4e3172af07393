"""What a connection to APNs endures, over real HTTP/2 (A11)."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aioapns.common import NotificationResult
from aioapns.exceptions import ConnectionClosed
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded
from h2.settings import SettingCodes

from apns_standin import Script, Standin, standin
from contracts.ids import new_id
from push.apns_pool import ApnsPool
from push.provider_token import ProviderToken
from standins.certificates import certificates_in

HOST, TOPIC = "127.0.0.1", "app.waggle.driver"
WINDOW = 65_535
"""Bytes that either side may send until the other has acknowledged some (RFC 9113, 6.9.2)."""
STREAMS = 50
HANGING = "cd" * 32
"""A device about which the server says nothing."""


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


async def post(pool: ApnsPool, token: str) -> NotificationResult:
    return await pool.post(token, str(new_id()), [], b"{}")


def take_some(conn: H2Connection, event: Event) -> None:
    if not isinstance(event, RequestReceived) or dict(event.headers)[b":path"].endswith(HANGING.encode()):
        return
    take(conn, event)


def take(conn: H2Connection, event: Event) -> None:
    """200 to every request, as soon as its headers are there."""
    if isinstance(event, RequestReceived):
        apns_id = dict(event.headers)[b"apns-id"]
        conn.send_headers(event.stream_id, [(":status", "200"), ("apns-id", apns_id)], end_stream=True)
    if isinstance(event, DataReceived):
        conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)


def refuse(conn: H2Connection, event: Event) -> None:
    if isinstance(event, StreamEnded):
        conn.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)


@asynccontextmanager
async def serving(state: Path, answer: Callable[[H2Connection, Event], None]) -> AsyncIterator[ApnsPool]:
    """A pool of one connection to a server with the protocol's first window and a few streams at a time."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conn = H2Connection(H2Configuration(client_side=False))
        conn.initiate_connection()
        conn.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: STREAMS})
        while data := await reader.read(WINDOW):
            for event in conn.receive_data(data):
                answer(conn, event)
            writer.write(conn.data_to_send())
        writer.close()

    certificates = certificates_in(state, HOST)
    tls = ssl.create_default_context(cafile=certificates.ca_file)
    tls.set_alpn_protocols(["h2"])
    async with await asyncio.start_server(serve, HOST, 0, ssl=certificates.server_context()) as server:
        pool = ApnsPool(HOST, server.sockets[0].getsockname()[1], tls, max_connections=1)
        yield pool
        await pool.aclose()
