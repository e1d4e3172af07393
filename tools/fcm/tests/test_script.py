import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from fcm_standin import Script, Standin

Send = Callable[..., Coroutine[None, None, httpx.Response]]

TOKEN = "fcm-token:" + "A" * 130
OTHER = "fcm-token:" + "B" * 130


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("INVALID_ARGUMENT", 400, "INVALID_ARGUMENT"),
        ("THIRD_PARTY_AUTH_ERROR", 401, "UNAUTHENTICATED"),
        ("SENDER_ID_MISMATCH", 403, "PERMISSION_DENIED"),
        ("UNREGISTERED", 404, "NOT_FOUND"),
        ("QUOTA_EXCEEDED", 429, "RESOURCE_EXHAUSTED"),
        ("INTERNAL", 500, "INTERNAL"),
        ("UNAVAILABLE", 503, "UNAVAILABLE"),
    ],
)
async def test_each_error_has_googles_form(
    send: Send, fcm: Standin, error: str, status: int, code: str
) -> None:
    fcm.script(TOKEN, Script(error=error))
    answer = await send(TOKEN)
    said = answer.json()["error"]
    assert (answer.status_code, said["code"], said["status"]) == (status, status, code)
    named = {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": error}
    assert said["details"][0] == named
    assert (fcm.pushes()[-1].status, fcm.pushes()[-1].error) == (status, error)


async def test_a_wait_is_asked_for_in_seconds(send: Send, fcm: Standin) -> None:
    fcm.script(TOKEN, Script(error="QUOTA_EXCEEDED", retry_after_s=7, times=1))
    assert (await send()).headers["retry-after"] == "7"
    assert "retry-after" not in (await send()).headers


async def test_the_field_that_is_invalid_is_named(send: Send, fcm: Standin) -> None:
    fcm.script(TOKEN, Script(error="INVALID_ARGUMENT", field="message.android.ttl"))
    violations = (await send()).json()["error"]["details"][0]["fieldViolations"]
    assert violations[0]["field"] == "message.android.ttl"
    fcm.script(TOKEN, Script(error="INVALID_ARGUMENT", field="message.token"))
    assert "registration token" in (await send()).json()["error"]["message"]


async def test_an_access_token_is_called_expired_on_demand(send: Send, fcm: Standin) -> None:
    fcm.script(TOKEN, Script(error="UNAUTHENTICATED", times=1))
    assert [(await send()).status_code for _ in range(2)] == [401, 200]


async def test_other_devices_are_answered_as_ever(send: Send, fcm: Standin) -> None:
    fcm.script(TOKEN, Script(error="UNREGISTERED"))
    assert [(await send(token)).status_code for token in (TOKEN, OTHER)] == [404, 200]


async def test_a_push_that_hangs_is_recorded_while_its_sender_waits(send: Send, fcm: Standin) -> None:
    fcm.script(TOKEN, Script(hang_s=60))
    sending = asyncio.create_task(send(TOKEN))
    push = await fcm.next_push(TOKEN, timeout_s=60)
    assert (push.hang_s, push.status, sending.done()) == (60, 200, False)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


@pytest.mark.parametrize("cut", ["reset", "goaway"])
async def test_a_connection_is_cut_and_the_next_push_gets_another(send: Send, fcm: Standin, cut: str) -> None:
    fcm.script(TOKEN, Script(**{cut: True}, times=1))
    with pytest.raises(httpx.TransportError):
        await send()
    assert (await send()).status_code == 200
    assert [(p.status, p.cut, p.connection) for p in fcm.pushes()] == [(None, cut, 1), (200, None, 2)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"error": "BadDeviceToken"},
        {"error": "UNREGISTERED", "field": "message.token"},
        {"retry_after_s": 5},
        {"error": "UNAVAILABLE", "retry_after_s": -1},
        {"reset": True, "goaway": True},
    ],
    ids="-".join,
)
def test_a_script_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Script(**wrong)


async def test_what_came_is_read_and_scripted_over_http(send: Send, fcm: Standin) -> None:
    async with httpx.AsyncClient(base_url=fcm.control_url) as control:
        await control.put(f"/control/tokens/{TOKEN}", json={"error": "UNREGISTERED", "times": 1})
        await send(data={"job_id": "J"})
        (push,) = (await control.get("/control/pushes")).json()["pushes"]
    assert (push["token"], push["status"], push["error"]) == (TOKEN, 404, "UNREGISTERED")
    assert push["message"]["data"] == {"job_id": "J"}
