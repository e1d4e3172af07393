"""An offer that stands no more is not pushed (B4, B5, B7, B9, B11), in whatever order the news comes."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from apns_standin import Script
from contracts.events import (
    AssignmentCreated,
    DispatchMode,
    Event,
    FeedClosed,
    OfferCreated,
    OfferDeclined,
    OfferExpired,
    OfferWithdrawn,
    SearchFailed,
    SearchFailure,
    SearchTimedOut,
)
from contracts.ids import new_id
from contracts.models import DriverCard, Job, JobStatus

World = Any


def offer(driver: str, exclusive: bool = True) -> OfferCreated:
    now, job_id = datetime.now(UTC), new_id()
    job: dict[str, Any] = {"id": job_id, "number": "WG-1", "customer_id": "ann", "service_type": "haul"}
    about: dict[str, Any] = {"status": JobStatus.pending, "version": 1, "total_price": 45}
    return OfferCreated(
        job_id=job_id,
        customer_id="ann",
        driver_id=driver,
        search_id=new_id(),
        attempt=1,
        offer_id=new_id(),
        number=1,
        exclusive=exclusive,
        job=Job(**job, **about, created_at=now, updated_at=now),
        expires_at=now + timedelta(minutes=5),
    )


def about(offered: OfferCreated, *more: str) -> dict[str, Any]:
    return offered.model_dump(include={"job_id", "customer_id", "search_id", "attempt", *more})


def put(offered: OfferCreated) -> dict[str, Any]:
    return about(offered, "driver_id", "offer_id", "number", "exclusive")


def assigned(offered: OfferCreated) -> AssignmentCreated:
    card = DriverCard(id="eve", name="Eve")
    return AssignmentCreated(**about(offered), driver_id="eve", mode=DispatchMode.broadcast, driver=card)


Ending = Callable[[OfferCreated], Event]
ENDINGS: dict[str, Ending] = {
    "withdrawn": lambda one: OfferWithdrawn(**put(one), reason="job_cancelled"),
    "declined": lambda one: OfferDeclined(**put(one)),
    "expired": lambda one: OfferExpired(**put(one)),
    "assigned": assigned,
    "feed_closed": lambda one: FeedClosed(**about(one), status=JobStatus.cancelled),
    "failed": lambda one: SearchFailed(**about(one), reason=SearchFailure.max_tries, tried=1),
    "timed_out": lambda one: SearchTimedOut(**about(one), tried=1),
}
every_ending = pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())


async def remembered(world: World, ending: Event) -> None:
    """The end is applied."""
    query = text("SELECT count(*) FROM ended WHERE id IN (:offer, :search)")
    values = {"offer": getattr(ending, "offer_id", None), "search": getattr(ending, "search_id", None)}
    async with asyncio.timeout(60):
        while True:
            async with world.engine.connect() as connection:
                if await connection.scalar(query, values):
                    return
            await asyncio.sleep(0.02)


async def hears_of_another(world: World, driver: str, token: str) -> None:
    """A later offer to the same driver is pushed: whatever was to come before it has come."""
    world.apns.script("*")
    later = offer(driver)
    await world.happens(later)
    async with asyncio.timeout(60):
        while world.apns.pushes(token)[-1:] == [] or not is_of(world.apns.pushes(token)[-1], later):
            await world.apns.next_push(token, after=len(world.apns.pushes()), timeout_s=60)


def is_of(push: Any, offered: OfferCreated) -> bool:
    return bool(push.headers["apns-collapse-id"] == str(offered.offer_id))


@every_ending
async def test_an_offer_that_ends_between_two_attempts_is_not_tried_again(
    world: World, ending: Ending
) -> None:
    """B4, B5, B7, B9, B11: APNs is in trouble until the offer has ended."""
    token, offered = await world.register("dan", "pilot"), offer("dan")
    world.apns.script("*", Script(reason="ServiceUnavailable"))
    await world.happens(offered)
    await world.apns.next_push(token)
    await world.happens(ending(offered))
    row = await world.settled(token, "withdrawn")
    assert (row.last_reason, row.sent_at) == ("offer ended", None)
    before = len(world.apns.pushes(token))
    await hears_of_another(world, "dan", token)
    assert [is_of(push, offered) for push in world.apns.pushes(token)] == [True] * before + [False]


@every_ending
async def test_an_offer_whose_end_is_heard_before_it_is_recorded_and_not_pushed(
    world: World, ending: Ending
) -> None:
    """B4, B5, B7, B9, B11: redelivered, or by another replica."""
    token, offered = await world.register("dan", "pilot"), offer("dan")
    ended = ending(offered)
    await world.happens(ended)
    await remembered(world, ended)
    await world.happens(offered)
    await world.settled(token, "withdrawn")
    assert len((await world.notifications("dan"))["items"]) == 1
    await world.happens(offered.model_copy())  # a copy under an id of its own
    await world.settled(token, "withdrawn", "withdrawn")
    await hears_of_another(world, "dan", token)
    assert len(world.apns.pushes(token)) == 1


async def test_an_offer_that_ends_while_all_places_are_taken_is_not_pushed(stopped: World) -> None:
    """B4, A11: the only place there is waits for an answer, and is free once the offer has ended."""
    await stopped.start(push_concurrency=1, push_timeout_seconds=30)
    hanging, token = await stopped.register("eve", "pilot"), await stopped.register("dan", "pilot")
    stopped.apns.script(hanging, Script(hang_s=2, times=1))
    await stopped.happens(offer("eve"))
    await stopped.apns.next_push(hanging)
    offered = offer("dan")
    await stopped.happens(offered)
    await stopped.told("dan")
    await stopped.happens(ENDINGS["withdrawn"](offered))
    await stopped.settled(token, "withdrawn")
    await stopped.settled(hanging, "sent")
    await hears_of_another(stopped, "dan", token)
    assert len(stopped.apns.pushes(token)) == 1


async def test_an_offer_that_ends_while_it_is_on_its_way_is_not_tried_again(stopped: World) -> None:
    """B4: APNs takes its time, and then refuses."""
    await stopped.start(push_timeout_seconds=30)
    token, offered = await stopped.register("dan", "pilot"), offer("dan")
    stopped.apns.script(token, Script(reason="ServiceUnavailable", hang_s=2, times=1))
    await stopped.happens(offered)
    await stopped.apns.next_push(token)
    ended = ENDINGS["withdrawn"](offered)
    await stopped.happens(ended)
    await remembered(stopped, ended)
    await stopped.settled(token, "withdrawn")
    await hears_of_another(stopped, "dan", token)
    assert [is_of(push, offered) for push in stopped.apns.pushes(token)] == [True, False]


async def test_the_offers_of_a_search_end_with_it_and_no_others(world: World) -> None:
    """A7: shared offers have no end of their own."""
    world.apns.script("*", Script(reason="ServiceUnavailable"))
    mine, others = offer("dan", exclusive=False), offer("eve", exclusive=False)
    second = mine.model_copy(update={"driver_id": "fay", "offer_id": new_id(), "number": 2})
    tokens = [await world.register(driver, "pilot") for driver in ("dan", "fay", "eve")]
    for one in (mine, second, others):
        await world.happens(one)
    for token in tokens:
        await world.apns.next_push(token)
    await world.happens(ENDINGS["feed_closed"](mine))
    for token in tokens[:2]:
        await world.settled(token, "withdrawn")
    world.apns.script("*")
    await world.settled(tokens[2], "sent")
