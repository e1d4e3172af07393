"""A customer of the small house."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx

from stack.house import House

ORDER = {
    "service_type": "courier",
    "pickup": {"address": "12 Main St", "lat": 40.75, "lng": -73.98},
    "dropoff": {"address": "1 High St", "lat": 40.76, "lng": -73.97},
    "total_price": 45,
}


@asynccontextmanager
async def customer(house: House, sub: str) -> AsyncIterator[httpx.AsyncClient]:
    """Their way to booking, which here has no front."""
    headers = {"Authorization": f"Bearer {house.token(sub, 'user')}"}
    async with httpx.AsyncClient(base_url=house.service_url("booking"), headers=headers, timeout=60) as http:
        yield http


async def order(http: httpx.AsyncClient) -> str:
    """A booking of this customer; its id."""
    answer = await http.post("/v1/bookings", json=ORDER, headers={"Idempotency-Key": str(uuid4())})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])
