import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from apns_standin import Standin

Send = Callable[..., Awaitable[httpx.Response]]

TOPIC = "org.example.driver"
ACTIVITY = {"apns_push_type": "liveactivity", "apns_topic": TOPIC + ".push-type.liveactivity"}
UPDATE = {"timestamp": 1790000000, "event": "update", "content-state": {"status": "arrived"}}
START = UPDATE | {"event": "start", "attributes-type": "Trip", "attributes": {}}


def body_of(size: int) -> bytes:
    empty = len(json.dumps({"aps": {"alert": ""}}))
    return json.dumps({"aps": {"alert": "x" * (size - empty)}}).encode()


async def test_a_good_push_is_answered_200_over_http2_without_body(send: Send) -> None:
    answer = await send()
    assert (answer.status_code, answer.http_version, answer.content) == (200, "HTTP/2", b"")


async def test_the_apns_id_sent_is_echoed(send: Send) -> None:
    sent = "0f7a5a2c-8f7e-4c58-9f0c-7f5d0c1f0a01"
    assert (await send(apns_id=sent)).headers["apns-id"] == sent


async def test_an_apns_id_is_made_when_none_is_sent(send: Send) -> None:
    ids = {(await send()).headers["apns-id"] for _ in range(2)}
    assert {str(UUID(one)).upper() for one in ids} == ids
    assert len(ids) == 2


async def test_a_refusal_carries_the_apns_id_too(send: Send) -> None:
    sent = "0f7a5a2c-8f7e-4c58-9f0c-7f5d0c1f0a02"
    assert (await send(apns_id=sent, apns_priority="7")).headers["apns-id"] == sent


@pytest.mark.parametrize(
    ("wrong", "status", "reason"),
    [
        ({"method": "GET"}, 405, "MethodNotAllowed"),
        ({"method": "PUT"}, 405, "MethodNotAllowed"),
        ({"path": "/3/devices/abcd"}, 404, "BadPath"),
        ({"path": "/"}, 404, "BadPath"),
        ({"path": "/3/device/abcd/more"}, 404, "BadPath"),
        ({"path": "/3/device/"}, 400, "MissingDeviceToken"),
        ({"extra": [(b"apns-priority", b"5"), (b"apns-priority", b"5")]}, 400, "DuplicateHeaders"),
        ({"apns_topic": None}, 400, "MissingTopic"),
        ({"apns_topic": "org.example.other"}, 400, "TopicDisallowed"),
        ({"apns_topic": TOPIC + ".unknown"}, 400, "TopicDisallowed"),
        ({"token": "not-hex"}, 400, "BadDeviceToken"),
        ({"token": "ab" * 31}, 400, "BadDeviceToken"),
        ({"token": "ab" * 32 + "a"}, 400, "BadDeviceToken"),
        ({"path": "/3/device/%61%62" + "ab" * 31}, 400, "BadDeviceToken"),
        ({"apns_push_type": "banner"}, 400, "InvalidPushType"),
        ({"apns_push_type": "liveactivity"}, 400, "InvalidPushType"),
        ({"apns_topic": TOPIC + ".voip"}, 400, "InvalidPushType"),
        ({"apns_priority": "7"}, 400, "BadPriority"),
        ({"apns_priority": "high"}, 400, "BadPriority"),
        ({"apns_push_type": "background", "apns_priority": "10"}, 400, "BadPriority"),
        ({"apns_expiration": "soon"}, 400, "BadExpirationDate"),
        ({"apns_expiration": "-1"}, 400, "BadExpirationDate"),
        ({"apns_expiration": "1790000000000"}, 400, "BadExpirationDate"),
        ({"apns_id": "17"}, 400, "BadMessageId"),
        ({"apns_id": "0f7a5a2c8f7e4c589f0c7f5d0c1f0a01"}, 400, "BadMessageId"),
        ({"apns_collapse_id": "x" * 65}, 400, "BadCollapseId"),
        ({"content": body_of(4097)}, 413, "PayloadTooLarge"),
        ({"content": b""}, 400, "PayloadEmpty"),
        ({"content": b"{"}, 400, "PayloadEmpty"),
        ({"content": b"[]"}, 400, "PayloadEmpty"),
        ({"content": b'{"type":"new_job"}'}, 400, "PayloadEmpty"),
        ({"content": b'{"aps":"hello"}'}, 400, "PayloadEmpty"),
        ({"content": b"[" * 4000}, 400, "PayloadEmpty"),
    ],
)
async def test_what_is_wrong_is_answered_with_apples_reason(
    send: Send, apns: Standin, wrong: dict[str, Any], status: int, reason: str
) -> None:
    answer = await send(**wrong)
    assert (answer.status_code, answer.json()) == (status, {"reason": reason})
    assert (apns.pushes()[-1].status, apns.pushes()[-1].reason) == (status, reason)


@pytest.mark.parametrize(
    "right",
    [
        {"apns_push_type": None},
        {"apns_push_type": "background", "content": b'{"aps":{"content-available":1}}'},
        {"apns_push_type": "background", "apns_priority": "5"},
        {"apns_push_type": "voip", "apns_topic": TOPIC + ".voip", "content": body_of(5120)},
        {"apns_push_type": "mdm", "content": b'{"mdm":"push magic"}'},
        {"apns_priority": "1"},
        {"apns_expiration": "0"},
        {"apns_expiration": "1790000000"},
        {"apns_collapse_id": "x" * 64},
        {"token": "AB" * 32},
        {"content": body_of(4096)},
    ],
)
async def test_what_apple_allows_is_accepted(send: Send, right: dict[str, Any]) -> None:
    assert (await send(**right)).status_code == 200


@pytest.mark.parametrize(
    "aps",
    [
        UPDATE,
        UPDATE | {"event": "end", "dismissal-date": 1790000900},
        UPDATE | {"stale-date": 1790000120, "alert": {"title": "Driver Arrived"}},
        {"timestamp": 1790000000, "event": "end"},
        START,
    ],
    ids=["update", "end", "update going stale", "end without a state", "start"],
)
async def test_a_whole_live_activity_is_accepted(send: Send, aps: dict[str, Any]) -> None:
    content = json.dumps({"aps": aps}).encode()
    assert (await send(**ACTIVITY, token="ab" * 80, content=content)).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp": None},
        {"timestamp": 1790000000.5},
        {"event": None},
        {"event": "alert"},
        {"content-state": None},
        {"content-state": "arrived"},
        {"stale-date": "2026-11-20T12:00:00Z"},
        {"dismissal-date": True},
        {"event": "start"},
    ],
    ids=str,
)
async def test_a_live_activity_that_the_phone_would_drop_is_refused(
    send: Send, changes: dict[str, Any]
) -> None:
    aps = {key: value for key, value in (UPDATE | changes).items() if value is not None}
    answer = await send(**ACTIVITY, token="ab" * 80, content=json.dumps({"aps": aps}).encode())
    assert (answer.status_code, answer.json()) == (400, {"reason": "PayloadEmpty"})


@pytest.mark.parametrize(("chars", "status"), [(32, 200), (33, 400)])
async def test_the_collapse_id_is_measured_in_bytes(send: Send, chars: int, status: int) -> None:
    assert (await send(apns_collapse_id="é" * chars)).status_code == status


async def test_of_several_faults_the_outermost_is_named(send: Send) -> None:
    faults: list[tuple[dict[str, Any], str]] = [
        ({"content": b""}, "PayloadEmpty"),
        ({"apns_collapse_id": "x" * 65}, "BadCollapseId"),
        ({"apns_id": "17"}, "BadMessageId"),
        ({"apns_expiration": "soon"}, "BadExpirationDate"),
        ({"apns_priority": "7"}, "BadPriority"),
        ({"apns_push_type": "banner"}, "InvalidPushType"),
        ({"token": "nothex"}, "BadDeviceToken"),
        ({"apns_topic": None}, "MissingTopic"),
        ({"authorization": None}, "MissingProviderToken"),
        ({"method": "GET"}, "MethodNotAllowed"),
    ]
    request: dict[str, Any] = {}
    for fault, reason in faults:
        request |= fault
        assert (await send(**request)).json() == {"reason": reason}


async def test_a_client_without_http2_is_turned_away(apns: Standin) -> None:
    async with httpx.AsyncClient(http2=False, verify=apns.client_context()) as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ConnectError, httpx.ReadError)):
            await client.get(apns.url)
