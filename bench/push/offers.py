"""Offers to drivers on the bus, as matching publishes them."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from nats.aio.client import Client

from bench.push.queue import driver
from contracts.events import OfferCreated, SearchTimedOut
from contracts.ids import new_id
from contracts.models import Job, JobStatus, Place
from wire.publish import publish

AT_ONCE = 64
"""Publications whose acknowledgement is awaited at the same time."""
LIFE = timedelta(minutes=5)


def offer(number: int) -> OfferCreated:
    """A shared offer to the driver of this number."""
    now, job_id = datetime.now(UTC), new_id()
    job = Job(
        id=job_id,
        number="BK-1",
        customer_id="customer",
        service_type="courier",
        status=JobStatus.pending,
        version=1,
        pickup=Place(address="12 Main Street", lat=40.7, lng=-73.9),
        total_price=number % 100,
        created_at=now,
        updated_at=now,
    )
    return OfferCreated(
        job_id=job_id,
        customer_id="customer",
        driver_id=driver(number),
        search_id=new_id(),
        attempt=1,
        offer_id=new_id(),
        number=1,
        exclusive=False,
        job=job,
        expires_at=now + LIFE,
    )


async def wake(nc: Client) -> None:
    """An event about nobody with a phone: all it does is to make the service look at its queue now."""
    nobody = SearchTimedOut(job_id=new_id(), customer_id="nobody", search_id=new_id(), attempt=1, tried=0)
    await publish(nc.jetstream(), nobody)


async def at_full_speed(nc: Client, many: int) -> float:
    """One to each of so many drivers; when the first was published, on the monotonic clock."""
    js, waiting = nc.jetstream(), iter([offer(number) for number in range(many)])
    began = time.monotonic()

    async def one_after_the_other(offers: Iterator[OfferCreated]) -> None:
        for one in offers:
            await publish(js, one)

    await asyncio.gather(*(one_after_the_other(waiting) for _ in range(AT_ONCE)))
    return began


async def steadily(nc: Client, many: int, rate: int) -> dict[str, float]:
    """So many a second; by collapse id, the milliseconds of the monotonic clock just before each."""
    js, published, publishing = nc.jetstream(), dict[str, float](), []
    began = time.monotonic()
    for number in range(many):
        await asyncio.sleep(began + number / rate - time.monotonic())
        one = offer(number)
        published[str(one.offer_id)] = time.monotonic() * 1000
        publishing.append(asyncio.create_task(publish(js, one)))
    await asyncio.gather(*publishing)
    return published
