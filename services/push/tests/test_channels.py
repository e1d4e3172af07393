"""Each push service has its own queue and its own fate (A11)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from apns_standin import Script, standin
from contracts.events import OfferCreated, SearchTimedOut
from contracts.ids import new_id
from contracts.models import Job, JobStatus
from stack.ports import Reservation

World = Any


def news(customer: str) -> SearchTimedOut:
    return SearchTimedOut(job_id=new_id(), customer_id=customer, search_id=new_id(), attempt=1, tried=0)


def offer(driver: str, lives: float) -> OfferCreated:
    now, job_id = datetime.now(UTC), new_id()
    job: dict[str, Any] = {"id": job_id, "number": "WG-1", "customer_id": "ann", "service_type": "haul"}
    about: dict[str, Any] = {"job_id": job_id, "customer_id": "ann", "search_id": new_id(), "attempt": 1}
    how: dict[str, Any] = {"status": JobStatus.pending, "version": 1, "total_price": 45}
    return OfferCreated(
        **about,
        driver_id=driver,
        offer_id=new_id(),
        number=1,
        exclusive=True,
        job=Job(**job, **how, created_at=now, updated_at=now),
        expires_at=now + timedelta(seconds=lives),
    )


async def metric(world: World, name: str) -> float:
    lines = (await world.http.get("/metrics")).text.splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith(name))


async def until(world: World, name: str, at_least: float) -> None:
    """Nothing announces a metric."""
    async with asyncio.timeout(60):
        while await metric(world, name) < at_least:
            await asyncio.sleep(0.05)


async def test_a_sandbox_that_hangs_delays_neither_production_nor_android(stopped: World) -> None:
    """A11: with one place each, and more for the sandbox than it has."""
    await stopped.start(push_concurrency=1, push_timeout_seconds=30, apns_sandbox_host=stopped.apns.host)
    sandbox = await stopped.register("ann", environment="sandbox")
    well = await stopped.register("ann")
    android = await stopped.register("ann", token="f" * 63 + ":", platform="android")
    stopped.apns.script(sandbox, Script(hang_s=60))
    for _ in range(3):
        await stopped.happens(news("ann"))
    await stopped.apns.next_push(sandbox)
    await stopped.settled(well, "sent", "sent", "sent")
    await stopped.settled(android, "dropped", "dropped", "dropped")
    assert [row.state for row in await stopped.deliveries(sandbox)] == ["pending"] * 3
    assert len(stopped.apns.pushes(sandbox)) == 1


OPEN = 'waggle_push_circuit_open{channel="apns"}'


async def test_a_push_service_that_is_away_is_only_probed_and_nothing_waits_in_vain(
    stopped: World, push_apns_state: Any
) -> None:
    """A11, B4: deliveries keep their attempts, end at their deadline, and go out when it is back."""
    reservation = Reservation()
    port = reservation.port()
    await stopped.start(apns_port=port)
    probes = [await stopped.register(f"user-{n}") for n in range(5)]
    for n in range(5):
        await stopped.happens(news(f"user-{n}"))
    await until(stopped, OPEN, 1)
    driver, customers = await stopped.register("dan", "pilot"), []
    for n in range(20):
        customers.append(await stopped.register(f"ann-{n}"))
        await stopped.happens(news(f"ann-{n}"))
    await stopped.happens(offer("dan", lives=3))
    row = await stopped.settled(driver, "expired")
    rows = [row for token in customers for row in await stopped.deliveries(token)]
    assert {row.state for row in rows} == {"pending"}
    assert sum(row.attempts for row in rows) + row.attempts <= 3
    await until(stopped, 'waggle_pushes_pending{channel="apns"}', 25)
    assert await metric(stopped, 'waggle_push_oldest_pending_seconds{channel="apns"}') > 0
    reservation.release()
    async with standin(push_apns_state, topics=stopped.apns.topics, port=port) as back:
        for token in [*probes, *customers]:
            await stopped.settled(token, "sent")
        assert await metric(stopped, OPEN) == 0
        assert back.pushes(driver) == []


async def test_one_connection_that_breaks_opens_no_circuit(world: World) -> None:
    """A11: the pushes on it fail all at once, and are tried again."""
    tokens = [await world.register(f"user-{n}") for n in range(20)]
    world.apns.script(tokens[0], Script(reset=True, hang_s=0.5, times=1))
    for token in tokens[1:]:
        world.apns.script(token, Script(hang_s=1, times=1))
    for n in range(20):
        await world.happens(news(f"user-{n}"))
    for token in tokens:
        await world.settled(token, "sent")
    assert await metric(world, OPEN) == 0


async def test_an_expired_provider_token_is_replaced_and_the_push_sent_again_at_once(world: World) -> None:
    """A2: under the same id, and counted as one attempt. Apple allows one new token in 20 minutes."""
    token = await world.register("ann")
    world.apns.script(token, Script(reason="ExpiredProviderToken", times=1))
    await world.happens(news("ann"))
    row = await world.settled(token, "sent")
    refused, taken = world.apns.pushes(token)
    assert (row.attempts, refused.apns_id, refused.status, taken.status) == (1, taken.apns_id, 403, 200)
    assert refused.provider_token != taken.provider_token
    world.apns.script(token, Script(reason="ExpiredProviderToken", times=1))
    await world.happens(news("ann"))
    await world.settled(token, "sent", "sent")
    again = world.apns.pushes(token)[2:]
    assert [push.provider_token for push in again] == [taken.provider_token] * 2
    assert [push.status for push in again] == [403, 200]
