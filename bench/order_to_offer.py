"""Order → offer on the driver's socket, with 1,000 drivers online (E7)."""

import asyncio
import time
from typing import Any

import httpx

from bench.fleet import CITY, online
from bench.harness import Figure, percentile
from stack.running import running

DRIVERS = 1000
ORDERS = 300
WARM_UP = 30


def measure(drivers: int = DRIVERS, orders: int = ORDERS) -> list[Figure]:
    """One repetition: a fresh house, its drivers, then one order after the other."""
    taken = asyncio.run(_measure(drivers, orders))
    return [
        Figure("order_to_offer_p50", percentile(taken, 0.50), "ms"),
        Figure("order_to_offer_p99", percentile(taken, 0.99), "ms"),
    ]


async def _measure(drivers: int, orders: int) -> list[float]:
    """Milliseconds from just before each POST to the offer's arrival."""
    arrived: dict[str, asyncio.Future[float]] = {}

    async def hears(event: str, payload: dict[str, Any]) -> None:
        if event != "booking:offer":
            return
        waiting = arrived.setdefault(payload["bookingId"], asyncio.get_running_loop().create_future())
        if not waiting.done():
            waiting.set_result(time.perf_counter())

    async with running(apns=False, services=("booking", "matching", "realtime")) as house:
        customer = {"Authorization": f"Bearer {house.token('bench-customer', 'user')}"}
        async with (
            online(house, drivers, hears),
            httpx.AsyncClient(base_url=house.url, headers=customer, timeout=30) as http,
        ):
            taken = [await _order(http, arrived) for _ in range(WARM_UP + orders)]
    return taken[WARM_UP:]


async def _order(http: httpx.AsyncClient, arrived: dict[str, asyncio.Future[float]]) -> float:
    pickup = {"address": "5th Ave", "lat": CITY[0], "lng": CITY[1]}
    order = {"service_type": "courier", "pickup": pickup, "total_price": 12.5}
    before = time.perf_counter()
    answer = await http.post("/v1/bookings", json=order)
    answer.raise_for_status()
    booking = answer.json()["id"]
    waiting = arrived.setdefault(booking, asyncio.get_running_loop().create_future())
    after = await asyncio.wait_for(waiting, 10)
    (await http.post(f"/v1/bookings/{booking}/cancel")).raise_for_status()
    return (after - before) * 1000
