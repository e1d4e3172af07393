"""One order from its POST to its end, with the moods of its customer."""

import asyncio
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from city.city import COURIER, EXPRESS, HAUL, City
from city.clock import now
from city.customer import Customer, Order
from city.demand import Spot, Wish
from city.edge import UnreachableError

STAGES = ("pending", "pending", "accepted", "en_route", "arrived", "in_progress")
QUIET = 6.0  # seconds without news after which the customer pulls to refresh
SECOND_THOUGHTS = (0.0, 1.5)
AFTER_FAILURE = (0.4, 1.2)
BETWEEN_TRIES = 0.3  # seconds
SUBSCRIBE_TRIES = 2  # few: ten a minute are allowed (C6)


@dataclass
class Moods:
    """What this customer will do. `cancel_at`: the stage at which the order is cancelled."""

    twice: bool
    cancel_at: str | None
    retries: int

    @classmethod
    def of(cls, city: City) -> "Moods":
        habits = city.habits
        cancel_at = city.rng.choice(STAGES) if city.chance(habits.cancelled) else None
        return cls(city.chance(habits.posted_twice), cancel_at, int(city.chance(habits.retries)))


def body_of(wish: Wish, city: City) -> dict[str, Any]:
    """A booking as an app posts it (B15)."""
    haul = city.chance(city.habits.haul_share)
    express = not haul and city.chance(city.habits.express_share)
    return {
        "service_type": HAUL if haul else EXPRESS if express else COURIER,
        "vehicle_type": "truck" if haul else None,
        "pickup": _place(wish.pickup),
        "dropoff": _place(wish.dropoff),
        "items": {"description": "sofa" if haul else "parcel", "count": city.rng.randint(1, 3)},
        "total_price": round(city.rng.uniform(60, 240) if haul else city.rng.uniform(6, 40), 2),
        "payment_method": city.rng.choice(("cash", "card")),
    }


def _place(spot: Spot) -> dict[str, Any]:
    return {"address": spot.address, "lat": spot.lat, "lng": spot.lng}


async def place(customer: Customer, wish: Wish) -> None:
    """Order, and see it through."""
    city, moods, key = customer.city, Moods.of(customer.city), str(uuid.uuid4())
    body = body_of(wish, city)
    job_id = await _post(customer, body, key)
    if job_id is None:
        return
    if moods.twice:
        await _post(customer, body, key)
    await _subscribe(customer, job_id)
    try:
        await _follow(customer, job_id, moods)
    finally:
        customer.forget(job_id)


async def _post(customer: Customer, body: dict[str, Any], key: str) -> str | None:
    ledger, sent_at = customer.city.ledger, now()
    try:
        answer = await customer.city.edge.call("POST", "/v1/bookings", customer.token, body, key=key)
    except UnreachableError:
        ledger.count["orders_unanswered"] += 1
        return None
    if not answer.ok:
        ledger.count[f"order_refused:{answer.code}"] += 1
        return None
    job_id = str(answer.body.get("id"))
    ledger.posted(job_id, key, str(body["service_type"]), sent_at)
    return job_id


async def _subscribe(customer: Customer, job_id: str) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(customer.phone.up.wait(), QUIET)
    for _ in range(SUBSCRIBE_TRIES):
        ack = await customer.phone.ask("booking:subscribe", {"bookingId": job_id})
        if ack is not None and ack.ok:
            return
        customer.city.ledger.count[f"subscribe_refused:{ack.code if ack else 'no_ack'}"] += 1
        if ack is not None and ack.code != "unavailable":
            return
        await asyncio.sleep(BETWEEN_TRIES)


async def _follow(customer: Customer, job_id: str, moods: Moods) -> None:
    """React to what the socket says, until the job is over or given up."""
    city, order = customer.city, customer.order(job_id)
    if moods.cancel_at == "pending":
        await asyncio.sleep(city.pick(SECOND_THOUGHTS))
    while not order.over:
        if city.closed.is_set() or order.status == moods.cancel_at:
            moods.cancel_at = None
            await _cancel(customer, job_id)
            await asyncio.sleep(BETWEEN_TRIES)
        elif order.failed and not await _failed(customer, job_id, moods):
            return
        else:
            await _news(customer, job_id, order)


async def _failed(customer: Customer, job_id: str, moods: Moods) -> bool:
    """Nobody was found: try again, cancel or give up (then False)."""
    city, order = customer.city, customer.order(job_id)
    await asyncio.sleep(city.pick(AFTER_FAILURE))
    if moods.retries and not city.closing.is_set():
        moods.retries -= 1
        await _retry(customer, job_id)
        return True
    if city.chance(0.5):
        await _cancel(customer, job_id)
        return not order.over
    customer.stands(job_id, "unfulfilled")
    return False


async def _news(customer: Customer, job_id: str, order: Order) -> None:
    """Wait until something changes; after a long silence look."""
    order.news.clear()
    try:
        await asyncio.wait_for(order.news.wait(), QUIET)
    except TimeoutError:
        customer.city.ledger.count["refreshes"] += 1
        await refresh(customer, job_id)


async def refresh(customer: Customer, job_id: str) -> None:
    """Ask how the booking stands."""
    with suppress(UnreachableError):
        answer = await customer.city.edge.get(f"/v1/bookings/{job_id}", customer.token)
        if answer.ok:
            customer.stands(job_id, str(answer.body.get("status")))


async def _retry(customer: Customer, job_id: str) -> None:
    ledger, order = customer.city.ledger, customer.order(job_id)
    order.failed = False
    ledger.job(job_id).retries += 1
    ledger.count["retries"] += 1
    ack = await customer.phone.ask("booking:retry", {"bookingId": job_id})
    if ack is None or not ack.ok:
        await refresh(customer, job_id)


async def _cancel(customer: Customer, job_id: str) -> None:
    """By socket, or by HTTP if that brings no answer; then see how the job stands."""
    ack = await customer.phone.ask("booking:cancel", {"bookingId": job_id})
    if ack is None:
        with suppress(UnreachableError):
            await customer.city.edge.call("POST", f"/v1/bookings/{job_id}/cancel", customer.token, {})
    if ack is not None and ack.ok:
        customer.city.ledger.job(job_id).cancelled_at = now()
        customer.stands(job_id, "cancelled")
    else:
        await refresh(customer, job_id)
