"""Drivers for benches: registered, connected to the edge by the official protocol, online, in place."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import socketio

from stack.house import House

CITY = (40.75, -73.98)
SPREAD_DEG = 0.05  # about 5 km
AT_ONCE = 20

Hears = Callable[[str, dict[str, Any]], Awaitable[None]]
"""Called with the name and payload of each event that a driver's socket gets."""


@dataclass(frozen=True)
class Driver:
    """One connected driver."""

    id: str
    socket: socketio.AsyncClient


@asynccontextmanager
async def online(house: House, many: int, hears: Hears) -> AsyncIterator[Sequence[Driver]]:
    """So many drivers, each on a socket of its own through the edge, able to be offered jobs."""
    places, numbers = asyncio.Semaphore(AT_ONCE), random.Random(7)
    spots = [tuple(numbers.gauss(middle, SPREAD_DEG) for middle in CITY) for _ in range(many)]
    admin = {"Authorization": f"Bearer {house.token('bench', 'admin')}"}
    async with httpx.AsyncClient(base_url=house.url, headers=admin, timeout=30) as http:

        async def one(number: int, spot: tuple[float, ...]) -> Driver:
            async with places:
                return await _join(house, http, f"bench-driver-{number}", spot, hears)

        drivers = await asyncio.gather(*(one(number, spot) for number, spot in enumerate(spots)))
    try:
        yield drivers
    finally:
        await asyncio.gather(*(driver.socket.disconnect() for driver in drivers), return_exceptions=True)


async def _join(
    house: House, http: httpx.AsyncClient, driver_id: str, spot: tuple[float, ...], hears: Hears
) -> Driver:
    answer = await http.post("/v1/drivers", json={"id": driver_id, "name": driver_id, "approved": True})
    answer.raise_for_status()
    socket = socketio.AsyncClient(reconnection=False)

    socket.on("*", hears)
    token = house.token(driver_id, "pilot")
    await socket.connect(house.url, auth={"token": token}, transports=["websocket"], wait_timeout=30)
    position = {"lat": spot[0], "lng": spot[1]}
    for event in ("pilot:online", "pilot:location"):
        ack = await socket.call(event, position, timeout=30)
        if not ack["ok"]:
            raise RuntimeError(f"{event}: {ack}")
    return Driver(driver_id, socket)
