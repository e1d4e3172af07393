import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from fcm_standin import Standin

Send = Callable[..., Awaitable[httpx.Response]]

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


def error_of(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    assert error["code"] == answer.status_code
    return error


async def test_a_good_message_is_answered_with_its_name_over_http2(send: Send, fcm: Standin) -> None:
    answer = await send()
    assert (answer.status_code, answer.http_version) == (200, "HTTP/2")
    assert answer.json() == {"name": fcm.pushes()[0].name}
    assert answer.json()["name"].startswith("projects/waggle-local/messages/")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"data": {"count": 12}}, "message.data.count"),
        ({"data": {"google.x": "1"}}, "message.data"),
        ({"data": {"from": "me"}}, "message.data"),
        ({"colour": "red"}, "message.colour"),
        ({"notification": {"title": 1}}, "message.notification.title"),
        ({"android": {"ttl": 30}}, "message.android.ttl"),
        ({"android": {"ttl": "-1s"}}, "message.android.ttl"),
        ({"android": {"ttl": "30"}}, "message.android.ttl"),
        ({"android": {"ttl": "2419201s"}}, "message.android.ttl"),
        ({"android": {"priority": "URGENT"}}, "message.android.priority"),
        ({"android": {"notification": {"channel": "offers"}}}, "message.android.notification.channel"),
        ({"android": {"notification": {"sticky": "yes"}}}, "message.android.notification.sticky"),
        ({"token": None}, "message.token"),
        ({"content": b"{}"}, "message"),
        ({"content": b"["}, ""),
    ],
)
async def test_what_is_not_of_the_published_form_is_named(
    send: Send, wrong: dict[str, Any], field: str
) -> None:
    answer = await send(**wrong)
    error = error_of(answer)
    assert (answer.status_code, error["status"]) == (400, "INVALID_ARGUMENT")
    (details,) = error["details"]
    assert details["@type"] == BAD_REQUEST
    assert details["fieldViolations"][0]["field"] == field


async def test_a_token_that_is_none_is_said_as_google_says_it(send: Send) -> None:
    answer = await send("too-short")
    assert error_of(answer) == {
        "code": 400,
        "message": "The registration token is not a valid FCM registration token",
        "status": "INVALID_ARGUMENT",
        "details": [{"@type": FCM_ERROR, "errorCode": "INVALID_ARGUMENT"}],
    }


@pytest.mark.parametrize(("size", "status"), [(4096, 200), (4097, 400)])
async def test_keys_values_and_words_are_4096_bytes_at_most(send: Send, size: int, status: int) -> None:
    words = {"title": "é", "body": "B"}
    data = {"kéy": "x" * (size - len("ékéyB".encode()))}
    answer = await send(notification=words, data=data)
    assert answer.status_code == status
    if status != 200:
        assert error_of(answer)["message"] == "Message is too big"


@pytest.mark.parametrize(
    "right",
    [
        {"android": {"ttl": "27s", "priority": "HIGH", "collapse_key": "k"}},
        {"android": {"ttl": "0s", "priority": "high", "collapseKey": "k"}},
        {"android": {"ttl": "3.5s", "notification": {"tag": "t", "channel_id": "c", "sound": "default"}}},
        {"android": {"notification": {"title_loc_key": "k", "title_loc_args": ["a"]}}},
        {"data": {"type": "offer", "collapse_key": "allowed"}},
    ],
)
async def test_what_google_allows_is_accepted(send: Send, right: dict[str, Any]) -> None:
    assert (await send(**right)).status_code == 200


@pytest.mark.parametrize("header", [None, "Bearer ", "Basic abc", "Bearer ya29.unknown"])
async def test_who_has_no_access_token_is_not_known(send: Send, header: str | None) -> None:
    answer = await send(authorization=header)
    assert (answer.status_code, error_of(answer)["status"]) == (401, "UNAUTHENTICATED")
    assert FCM_ERROR not in answer.text


async def test_another_project_is_denied(send: Send) -> None:
    answer = await send(project="other")
    assert (answer.status_code, error_of(answer)["status"]) == (403, "PERMISSION_DENIED")
    assert FCM_ERROR not in answer.text


@pytest.mark.parametrize("wrong", [{"method": "GET"}, {"project": "a/b"}])
async def test_a_path_that_there_is_not_is_answered_for_people(send: Send, wrong: dict[str, Any]) -> None:
    answer = await send(**wrong)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


async def test_of_several_faults_the_outermost_is_named(send: Send) -> None:
    faults: list[tuple[dict[str, Any], int]] = [
        ({"content": json.dumps({"message": {}}).encode()}, 400),
        ({"project": "other"}, 403),
        ({"authorization": None}, 401),
        ({"method": "PUT"}, 404),
    ]
    request: dict[str, Any] = {}
    for fault, status in faults:
        request |= fault
        assert (await send(**request)).status_code == status
