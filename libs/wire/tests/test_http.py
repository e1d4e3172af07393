"""Bad input over real HTTP: each a problem (RFC 9457) with a stable code, none a 500."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import BaseModel, Field

from contracts.models import Latitude
from stack.ports import HOST, Reservation
from stack.ready import listens
from stack.tokens import mint
from wire.http import Caller, create_app
from wire.problem import conflict
from wire.run import serve_http
from wire.settings import DatabaseSettings

KEY = "the secret of these tests, long enough"
LIMIT = 2048
JSON = {"content-type": "application/json"}


class Order(BaseModel):
    lat: Latitude = 0
    notes: str = Field(default="", max_length=10)
    items: dict[str, Any] | None = None


def add_routes(app: FastAPI) -> None:
    @app.post("/orders")
    async def order(order: Order) -> Order:
        return order

    @app.get("/orders/{number}")
    async def one(number: str, note: str = "") -> dict[str, str]:
        if number == "broken":
            raise OSError("secret detail")
        if number == "taken":
            raise conflict("already_accepted", "Job already accepted by another driver")
        return {"number": number, "note": note}

    @app.get("/me")
    async def me(caller: Caller) -> dict[str, str]:
        return {"subject": caller.subject, "role": caller.role}


@pytest_asyncio.fixture(scope="session")
async def http(settings: Callable[..., DatabaseSettings]) -> AsyncIterator[httpx.AsyncClient]:
    reservation = Reservation()
    port = reservation.port()
    chosen = settings(http_port=port, jwt_key=KEY, max_body_bytes=LIMIT)
    app = create_app("test", "1.2.3", chosen, {})
    add_routes(app)
    serving = asyncio.create_task(serve_http(app, chosen))
    await listens(port)
    transport = httpx.AsyncHTTPTransport()
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}", transport=transport) as client:
        yield client
    serving.cancel()
    await asyncio.wait({serving})
    reservation.release()


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == "about:blank"
    assert body["title"]
    assert body["detail"]
    return answer.status_code, body["code"]


async def post(http: httpx.AsyncClient, body: bytes) -> httpx.Response:
    return await http.post("/orders", content=body, headers=JSON)


@pytest.mark.parametrize("body", [b"{", b"", b"lat=1", b"\xff\xfe", b'{"lat": NaN}', b'{"lat": -Infinity}'])
async def test_malformed_json_is_400(http: httpx.AsyncClient, body: bytes) -> None:
    expected = (400, "malformed_json") if body else (422, "invalid")
    assert problem(await post(http, body)) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"7",
        b'{"lat": 91}',
        b'{"lat": "north"}',
        b'{"lat": 1e999}',
        b'{"notes": "longer than ten"}',
        b'{"notes": "a\\u0000b"}',
        b'{"notes": "\\ud800"}',
        b'{"items": {"a": 1e999}}',
        b'{"items": {"\\u0000": 1}}',
        b'{"items": ' + b'{"a":' * 300 + b"1" + b"}" * 301,
    ],
)
async def test_body_that_does_not_fit_is_422(http: httpx.AsyncClient, body: bytes) -> None:
    assert problem(await post(http, body)) == (422, "invalid")


async def test_schema_error_names_the_field_and_not_the_value(http: httpx.AsyncClient) -> None:
    answer = await post(http, b'{"lat": 4711}')
    assert [error["field"] for error in answer.json()["errors"]] == ["body.lat"]
    assert "4711" not in answer.text


async def test_unknown_route_is_404_and_wrong_method_405(http: httpx.AsyncClient) -> None:
    assert problem(await http.get("/nowhere")) == (404, "not_found")
    answer = await http.put("/orders", json={})
    assert problem(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


async def test_nul_in_the_address_is_400(http: httpx.AsyncClient) -> None:
    """PostgreSQL would fail on it."""
    assert problem(await http.get("/orders/a%00b")) == (400, "bad_request")
    assert problem(await http.get("/orders/a?note=%00")) == (400, "bad_request")


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 64):
        yield b" " * 64


async def test_body_over_the_limit_is_413_declared_or_not(http: httpx.AsyncClient) -> None:
    """Issue 2, bad input: a 2 MB body."""
    assert problem(await post(http, b" " * (LIMIT + 1))) == (413, "body_too_large")
    assert problem(await post(http, b" " * 2_000_000)) == (413, "body_too_large")
    for size in (LIMIT + 64, 200_000):
        answer = await http.post(
            "/orders", content=chunks(size), headers={"content-type": "application/json"}
        )
        assert problem(answer) == (413, "body_too_large")
        assert answer.headers["connection"] == "close"


async def test_body_of_just_the_limit_is_read_whole(http: httpx.AsyncClient) -> None:
    start = b'{"notes": "whole"}'
    assert (await post(http, start + b" " * (LIMIT - len(start)))).json()["notes"] == "whole"
    padded = [start, b" " * (LIMIT - len(start))]

    async def in_two() -> AsyncIterator[bytes]:
        for part in padded:
            yield part

    answer = await http.post("/orders", content=in_two(), headers=JSON)
    assert answer.json()["notes"] == "whole"


async def test_request_that_breaks_off_reaches_no_route(http: httpx.AsyncClient) -> None:
    """What had come by then is whole JSON; the route must not believe it."""
    reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    writer.write(
        b"POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{}"
    )
    await writer.drain()
    before = await samples(http, "/orders", "200")
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    assert await samples(http, "/orders", "200") == before


async def test_unexpected_failure_is_500_and_says_nothing(http: httpx.AsyncClient) -> None:
    answer = await http.get("/orders/broken")
    assert problem(answer) == (500, "internal")
    assert "secret" not in answer.text
    assert await samples(http, "/orders/{number}", "500") >= 1


async def test_refusal_of_a_use_case_is_its_problem(http: httpx.AsyncClient) -> None:
    """A5: 409 with the apps' message."""
    answer = await http.get("/orders/taken")
    assert problem(answer) == (409, "already_accepted")
    assert answer.json()["detail"] == "Job already accepted by another driver"


async def test_caller_is_who_the_token_names(http: httpx.AsyncClient) -> None:
    headers = {"Authorization": f"Bearer {mint('d.1', 'pilot', key=KEY)}"}
    assert (await http.get("/me", headers=headers)).json() == {"subject": "d.1", "role": "pilot"}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "token_missing"),
        ("Basic eDp5", "token_missing"),
        ("Bearer", "token_missing"),
        ("Bearer x.y.z", "token_invalid"),
        (f"Bearer {mint('u', 'user', key=KEY, ttl=-1)}", "token_expired"),
        (f"Bearer {mint('u', 'user', key=KEY[::-1])}", "token_invalid"),
    ],
)
async def test_caller_without_a_good_token_is_401(
    http: httpx.AsyncClient, header: str | None, code: str
) -> None:
    answer = await http.get("/me", headers={"Authorization": header} if header else {})
    assert problem(answer) == (401, code)
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_api_document_declares_the_refusals(http: httpx.AsyncClient) -> None:
    document = (await http.get("/docs/test/openapi.json")).json()
    responses = document["paths"]["/orders"]["post"]["responses"]
    assert "application/problem+json" in responses["4XX"]["content"]
    assert "/livez" not in document["paths"]
    assert (await http.get("/docs/test")).status_code == 200


async def samples(http: httpx.AsyncClient, route: str, status: str) -> float:
    """How many requests the metrics have of a route and status."""
    lines = (await http.get("/metrics")).text.splitlines()
    wanted = ("waggle_http_request_seconds_count", f'route="{route}"', f'status="{status}"')
    return sum(float(line.split()[-1]) for line in lines if all(part in line for part in wanted))
