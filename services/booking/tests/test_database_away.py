"""What a customer hears while booking's database is away: an answer, and never a 500."""

import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from stack.house import House
from stack.running import running

from .people import ORDER, PATIENCE_S, answered


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    async with running(services=("booking",), caddy=False, apns=False, durable=False) as house:
        yield house


@pytest.fixture
async def customer(house: House) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {house.token('ann', 'user')}"}
    async with httpx.AsyncClient(
        base_url=house.service_url("booking"), headers=headers, timeout=PATIENCE_S
    ) as client:
        yield client


def refusal(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()["code"]


async def test_order_is_refused_with_503_while_the_database_is_away_and_taken_after(
    house: House, customer: httpx.AsyncClient
) -> None:
    answered(await customer.post("/v1/bookings", json=ORDER), 201)
    await house.stop("postgres")
    assert refusal(await customer.post("/v1/bookings", json=ORDER)) == (503, "unavailable")
    assert refusal(await customer.get("/v1/bookings")) == (503, "unavailable")
    await house.start("postgres")
    answered(await customer.post("/v1/bookings", json=ORDER), 201)


async def test_orders_across_a_kill_of_the_database_are_taken_or_refused_with_503(
    house: House, customer: httpx.AsyncClient
) -> None:
    """DESIGN invariant 1: and what was answered 201 is there afterwards."""
    killed = asyncio.create_task(house.kill("postgres", signal.SIGKILL))
    taken = []
    while not killed.done():
        answer = await customer.post("/v1/bookings", json=ORDER, headers={"Idempotency-Key": str(uuid4())})
        if answer.status_code == 201:
            taken.append(answer.json())
        else:
            assert refusal(answer) == (503, "unavailable")
    await killed
    for job in taken:
        answered(await customer.get(f"/v1/bookings/{job['id']}"), 200)
