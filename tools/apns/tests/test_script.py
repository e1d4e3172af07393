import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine

import httpx
import pytest

from apns_standin import Script, Standin

Send = Callable[..., Coroutine[None, None, httpx.Response]]

TOKEN = "ab" * 32
OTHER = "cd" * 32


async def test_a_dead_token_is_answered_410_with_its_time(send: Send, apns: Standin) -> None:
    apns.script(TOKEN, Script(reason="Unregistered", timestamp_ms=1_790_000_000_123))
    answer = await send(TOKEN)
    assert answer.status_code == 410
    assert answer.json() == {"reason": "Unregistered", "timestamp": 1_790_000_000_123}


async def test_a_dead_token_without_time_is_dead_since_now(send: Send, apns: Standin) -> None:
    apns.script(TOKEN, Script(status=410, reason="ExpiredToken"))
    before = time.time() * 1000 - 1
    assert before <= (await send(TOKEN)).json()["timestamp"] <= time.time() * 1000


async def test_other_devices_are_answered_as_ever(send: Send, apns: Standin) -> None:
    apns.script(TOKEN, Script(reason="Unregistered"))
    assert (await send(OTHER)).status_code == 200


async def test_a_script_for_any_device_yields_to_the_devices_own(send: Send, apns: Standin) -> None:
    apns.script("*", Script(reason="ServiceUnavailable"))
    apns.script(TOKEN, Script(reason="Unregistered"))
    assert [(await send(token)).status_code for token in (TOKEN, OTHER)] == [410, 503]


async def test_a_script_is_found_whatever_the_case_of_the_token(send: Send, apns: Standin) -> None:
    apns.script(TOKEN.upper(), Script(reason="Unregistered"))
    assert (await send(TOKEN)).status_code == 410


async def test_scripts_are_used_up_in_order(send: Send, apns: Standin) -> None:
    apns.script(
        TOKEN, Script(reason="TooManyRequests", times=2), Script(reason="InternalServerError", times=1)
    )
    assert [(await send(TOKEN)).status_code for _ in range(4)] == [429, 429, 500, 200]


async def test_a_script_with_a_share_answers_that_part_of_the_requests_and_leaves_the_others_to_the_next(
    send: Send, apns: Standin
) -> None:
    """B4: storms of failures of every kind."""
    apns.script(
        "*",
        Script(reason="TooManyRequests", share=0.2),
        Script(reason="ServiceUnavailable", share=0.5, times=30),
    )
    answers = [(await send(TOKEN)).status_code for _ in range(300)]
    assert 40 <= answers.count(429) <= 80
    assert answers.count(503) == 30
    assert set(answers[-100:]) == {200, 429}


async def test_a_request_that_fails_a_check_uses_up_no_script(send: Send, apns: Standin) -> None:
    apns.script(TOKEN, Script(reason="Unregistered", times=1))
    assert [(await send(TOKEN, apns_priority="7")).status_code, (await send(TOKEN)).status_code] == [400, 410]


async def test_a_push_that_hangs_is_recorded_while_its_sender_waits(send: Send, apns: Standin) -> None:
    apns.script(TOKEN, Script(hang_s=60))
    sending = asyncio.create_task(send(TOKEN))
    push = await apns.next_push(TOKEN)
    assert (push.hang_s, push.status, sending.done()) == (60, 200, False)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_a_hanging_push_holds_up_no_other_on_its_connection(send: Send, apns: Standin) -> None:
    apns.script(TOKEN, Script(hang_s=60))
    sending = asyncio.create_task(send(TOKEN))
    await apns.next_push(TOKEN)
    assert (await send(OTHER)).status_code == 200
    assert {push.connection for push in apns.pushes()} == {1}
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_after_a_hang_the_scripted_answer_comes(send: Send, apns: Standin) -> None:
    apns.script(TOKEN, Script(hang_s=0.05, reason="ServiceUnavailable"))
    began = time.monotonic()
    assert (await send(TOKEN)).status_code == 503
    assert time.monotonic() - began >= 0.05


async def test_a_reset_ends_the_connection_without_answer_and_the_next_push_gets_a_new_one(
    send: Send, apns: Standin
) -> None:
    apns.script(TOKEN, Script(reset=True, times=1))
    with pytest.raises(httpx.ReadError) as cut:
        await send(TOKEN)
    assert "ConnectionResetError" in str(root_cause(cut.value))
    assert (await send(TOKEN)).status_code == 200
    assert [(p.status, p.cut, p.connection) for p in apns.pushes()] == [(None, "reset", 1), (200, None, 2)]


async def test_a_goaway_names_its_reason_and_the_next_push_gets_a_new_connection(
    send: Send, apns: Standin
) -> None:
    apns.script(TOKEN, Script(goaway=True, times=1))
    shutdown = b'{"reason": "Shutdown"}'.hex()
    with pytest.raises(
        httpx.RemoteProtocolError, match=f"ConnectionTerminated.*additional_data:{shutdown[:40]}"
    ):
        await send(TOKEN)
    assert (await send(TOKEN)).status_code == 200
    assert [(p.status, p.cut, p.connection) for p in apns.pushes()] == [(None, "goaway", 1), (200, None, 2)]


def root_cause(error: BaseException) -> str:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return repr(error)


async def test_a_sender_that_gives_up_in_the_middle_of_its_body_is_not_recorded(
    send: Send, apns: Standin
) -> None:
    good = (await send()).request

    async def half_a_body() -> AsyncIterator[bytes]:
        yield b'{"aps":'
        raise ConnectionAbortedError

    async with httpx.AsyncClient(http2=True, verify=apns.client_context()) as client:
        headers = {k: v for k, v in good.headers.items() if k != "content-length"}
        with pytest.raises(ConnectionAbortedError):
            await client.post(good.url, headers=headers, content=half_a_body())
    assert (await send()).status_code == 200
    assert len(apns.pushes()) == 2
