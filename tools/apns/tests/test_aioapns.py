"""The client that the push service uses, against the stand-in: what passes here passes there."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aioapns import APNs, NotificationRequest, PushType
from aioapns.connection import APNsTLSClientProtocol

from apns_standin import Script, Standin

TOPIC = "org.example.driver"
TOKEN = "ab" * 32


@pytest.fixture
async def aioapns(apns: Standin) -> AsyncIterator[APNs]:
    class Protocol(APNsTLSClientProtocol):
        APNS_SERVER = apns.host
        APNS_PORT = apns.port

    client = APNs(
        key=apns.key_file.read_text(),
        key_id=apns.key_id,
        team_id=apns.team_id,
        topic=TOPIC,
        max_connections=2,
        ssl_context=apns.client_context(),
    )
    client.pool.protocol_class = Protocol
    yield client
    client.pool.close()


def request(token: str = TOKEN, **changes: Any) -> NotificationRequest:
    message = {"aps": {"alert": {"title": "New Job Nearby", "body": "12 Main St - $45"}}, "job_id": "J"}
    return NotificationRequest(token, message, push_type=PushType.ALERT, **changes)


async def test_a_push_arrives_with_its_title_body_data_and_headers(aioapns: APNs, apns: Standin) -> None:
    sent = request(priority=10, collapse_key="offer-1", time_to_live=30)
    result = await aioapns.send_notification(sent)
    push = await apns.next_push(TOKEN)
    assert (result.is_successful, result.notification_id) == (True, push.apns_id)
    assert (push.title, push.body) == ("New Job Nearby", "12 Main St - $45")
    assert push.payload is not None
    assert push.payload["job_id"] == "J"
    assert (push.headers["apns-priority"], push.headers["apns-collapse-id"]) == ("10", "offer-1")
    assert push.headers["apns-expiration"].isdigit()


async def test_a_dead_token_reaches_the_client_with_its_time(aioapns: APNs, apns: Standin) -> None:
    apns.script(TOKEN, Script(reason="Unregistered", timestamp_ms=1_790_000_000_123))
    result = await aioapns.send_notification(request())
    assert (result.status, result.description, result.timestamp) == ("410", "Unregistered", 1_790_000_000_123)


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("BadDeviceToken", "400"),
        ("DeviceTokenNotForTopic", "400"),
        ("ExpiredProviderToken", "403"),
        ("TooManyRequests", "429"),
        ("InternalServerError", "500"),
        ("ServiceUnavailable", "503"),
    ],
)
async def test_every_scripted_reason_reaches_the_client(
    aioapns: APNs, apns: Standin, reason: str, status: str
) -> None:
    apns.script(TOKEN, Script(reason=reason))
    result = await aioapns.send_notification(request())
    assert (result.status, result.description, result.timestamp) == (status, reason, None)


async def test_after_a_reset_the_client_sends_again_with_the_same_id(aioapns: APNs, apns: Standin) -> None:
    apns.script(TOKEN, Script(reset=True, times=1))
    assert (await aioapns.send_notification(request())).is_successful
    cut, answered = apns.pushes(TOKEN)
    assert (cut.cut, answered.status) == ("reset", 200)
    assert cut.apns_id == answered.apns_id
    assert cut.connection != answered.connection


async def test_after_a_goaway_the_client_sends_again_with_the_same_id(aioapns: APNs, apns: Standin) -> None:
    apns.script(TOKEN, Script(goaway=True, times=1))
    assert (await aioapns.send_notification(request())).is_successful
    cut, answered = apns.pushes(TOKEN)
    assert (cut.cut, answered.status, cut.apns_id) == ("goaway", 200, answered.apns_id)


async def test_a_hundred_pushes_at_once_all_arrive_once(aioapns: APNs, apns: Standin) -> None:
    tokens = [f"{n:064x}" for n in range(100)]
    results = await asyncio.gather(*(aioapns.send_notification(request(token)) for token in tokens))
    assert all(result.is_successful for result in results)
    assert sorted(push.token for push in apns.pushes()) == tokens


async def test_more_than_a_thousand_pushes_go_over_one_connection(aioapns: APNs, apns: Standin) -> None:
    for _ in range(12):
        await asyncio.gather(*(aioapns.send_notification(request()) for _ in range(100)))
    assert len(apns.pushes()) == 1200
    assert {push.connection for push in apns.pushes()} == {1}


async def test_a_refusal_leaves_the_connection_open(aioapns: APNs, apns: Standin) -> None:
    apns.script(TOKEN, Script(reason="Unregistered", times=20))
    for _ in range(21):
        await aioapns.send_notification(request())
    assert [push.status for push in apns.pushes()] == [410] * 20 + [200]
    assert {push.connection for push in apns.pushes()} == {1}
