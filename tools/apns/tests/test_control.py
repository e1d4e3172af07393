import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from apns_standin import Standin

Send = Callable[..., Awaitable[httpx.Response]]

TOKEN = "ab" * 32
OTHER = "cd" * 32


@pytest.fixture
async def control(apns: Standin) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=apns.control_url) as client:
        yield client


async def listed(control: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    pushes: list[dict[str, Any]] = (await control.get("/control/pushes", params=query)).json()["pushes"]
    return pushes


async def test_a_push_is_listed_with_all_that_came_and_what_was_answered(
    control: httpx.AsyncClient, send: Send
) -> None:
    before = time.time()
    answer = await send(TOKEN, apns_priority="10", content=b'{"aps":{"alert":{"title":"T"}},"job_id":"J"}')
    (push,) = await listed(control)
    assert push["token"] == TOKEN
    assert push["headers"] == {
        "apns-topic": "org.example.driver",
        "apns-push-type": "alert",
        "apns-priority": "10",
    }
    assert push["payload"] == {"aps": {"alert": {"title": "T"}}, "job_id": "J"}
    assert (push["status"], push["reason"], push["cut"]) == (200, None, None)
    assert push["apns_id"] == answer.headers["apns-id"]
    assert before <= push["received_at"] <= time.time()


async def test_pushes_with_one_provider_token_show_it(control: httpx.AsyncClient, send: Send) -> None:
    await send()
    await send()
    assert len({push["provider_token"] for push in await listed(control)}) == 1


async def test_pushes_are_listed_since_a_number_and_for_a_device(
    control: httpx.AsyncClient, send: Send
) -> None:
    for token in (TOKEN, OTHER, TOKEN):
        await send(token)
    assert [push["seq"] for push in await listed(control, since=1)] == [2, 3]
    assert [push["seq"] for push in await listed(control, token=TOKEN.upper())] == [1, 3]
    assert (await control.get("/control/pushes", params={"since": 3})).json() == {"pushes": [], "last": 3}


async def test_a_reader_is_woken_by_the_push_it_waits_for(control: httpx.AsyncClient, send: Send) -> None:
    waiting = asyncio.create_task(listed(control, token=OTHER, wait_s=30))
    await send(TOKEN)
    assert not waiting.done()
    await send(OTHER)
    async with asyncio.timeout(5):
        assert [push["token"] for push in await waiting] == [OTHER]


async def test_a_reader_that_waits_in_vain_gets_an_empty_list(control: httpx.AsyncClient) -> None:
    assert await listed(control, wait_s=0.05) == []


async def test_cleared_pushes_are_gone_and_numbers_go_on(control: httpx.AsyncClient, send: Send) -> None:
    await send()
    assert (await control.delete("/control/pushes")).status_code == 204
    assert await listed(control) == []
    await send()
    assert [push["seq"] for push in await listed(control)] == [2]


async def test_a_script_put_over_http_is_answered_listed_and_dropped(
    control: httpx.AsyncClient, send: Send
) -> None:
    put = await control.put(f"/control/tokens/{TOKEN}", json={"reason": "Unregistered", "times": 2})
    assert put.status_code == 204
    assert (await send(TOKEN)).status_code == 410
    assert (await control.get("/control/tokens")).json()[TOKEN][0]["times"] == 1
    assert (await control.delete(f"/control/tokens/{TOKEN}")).status_code == 204
    assert (await send(TOKEN)).status_code == 200


async def test_a_list_of_scripts_is_used_up_in_order(control: httpx.AsyncClient, send: Send) -> None:
    steps = [
        {"reason": "TooManyRequests", "times": 1},
        {"status": 500, "reason": "InternalServerError", "times": 1},
    ]
    await control.put("/control/tokens/*", json=steps)
    assert [(await send(TOKEN)).status_code for _ in range(3)] == [429, 500, 200]


async def test_all_scripts_are_dropped_at_once(control: httpx.AsyncClient, send: Send) -> None:
    for token in (TOKEN, OTHER):
        await control.put(f"/control/tokens/{token}", json={"reason": "Unregistered"})
    assert (await control.delete("/control/tokens")).status_code == 204
    assert (await control.get("/control/tokens")).json() == {}
    assert [(await send(token)).status_code for token in (TOKEN, OTHER)] == [200, 200]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"17",
        b'{"status":410}',
        b'{"status":99,"reason":"Unregistered"}',
        b'{"reason":"NoSuchReason"}',
        b'{"reason":"Unregistered","times":0}',
        b'{"hang_s":-1}',
        b'{"hang_s":Infinity}',
        b'{"reset":true,"goaway":true}',
        b'{"status":429,"reason":"TooManyRequests","timestamp_ms":1}',
        b'{"resaon":"Unregistered"}',
    ],
)
async def test_a_script_that_makes_no_sense_is_refused_with_422(
    control: httpx.AsyncClient, body: bytes
) -> None:
    answer = await control.put(f"/control/tokens/{TOKEN}", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["code"] == "invalid_input"
    assert (await control.get("/control/tokens")).json() == {}


@pytest.mark.parametrize("query", ["since=x", "since=-1", "wait_s=61", "wait_s=nan", "sinse=1"])
async def test_a_query_that_makes_no_sense_is_refused_with_422(
    control: httpx.AsyncClient, query: str
) -> None:
    assert (await control.get(f"/control/pushes?{query}")).status_code == 422


async def test_it_says_that_it_lives(control: httpx.AsyncClient) -> None:
    assert (await control.get("/livez")).text == "ok"
