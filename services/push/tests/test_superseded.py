"""Of several news of one job the phone shows the last (C12): an older one must not arrive after it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apns_standin import Script
from contracts.events import JobStatusChanged
from contracts.ids import new_id
from contracts.models import Job, JobStatus
from wire.envelope import seal

World = Any
AT = datetime.now(UTC) - timedelta(minutes=5)


def moved(job_id: UUID, status: JobStatus) -> JobStatusChanged:
    about: dict[str, Any] = {"job_id": job_id, "customer_id": "ann", "driver_id": "dan"}
    job: dict[str, Any] = {"id": job_id, "number": "WG-1", "customer_id": "ann", "service_type": "haul"}
    how: dict[str, Any] = {"status": status, "version": 1, "total_price": 45}
    changed = Job(**job, **how, created_at=AT, updated_at=AT)
    return JobStatusChanged(**about, job=changed, previous=JobStatus.accepted)


async def happens(world: World, event: JobStatusChanged, seconds: float) -> None:
    """So long after `AT`, as the event says itself; it is heard of now."""
    letter = seal(event, AT + timedelta(seconds=seconds))
    await world.nc.jetstream().publish(letter.subject, letter.body, headers=letter.headers)


def statuses(world: World, token: str) -> list[str]:
    return [push.payload["status"] for push in world.apns.pushes(token)]


async def test_news_that_is_refused_is_not_sent_again_after_later_news(world: World) -> None:
    """C12, A8"""
    token, job = await world.register("ann"), new_id()
    world.apns.script(token, Script(reason="ServiceUnavailable", times=1))
    await happens(world, moved(job, JobStatus.en_route), 0)
    await world.apns.next_push(token)
    await happens(world, moved(job, JobStatus.arrived), 60)
    await world.settled(token, "superseded", "sent")
    assert statuses(world, token) == ["en_route", "arrived"]


async def test_later_news_waits_until_earlier_news_has_been_answered(stopped: World) -> None:
    """C12: APNs holds the first one back; the second one would overtake it."""
    await stopped.start(push_timeout_seconds=30)
    token, other, job = await stopped.register("ann"), await stopped.register("ann"), new_id()
    stopped.apns.script(token, Script(hang_s=2, times=1))
    await happens(stopped, moved(job, JobStatus.en_route), 0)
    first = await stopped.apns.next_push(token)
    await happens(stopped, moved(job, JobStatus.arrived), 60)
    second = await stopped.apns.next_push(token, after=first.seq)
    await stopped.settled(token, "sent", "sent")
    await stopped.settled(other, "sent", "sent")
    assert second.received_at - first.received_at >= 1.9
    assert statuses(stopped, token) == statuses(stopped, other) == ["en_route", "arrived"]


async def test_later_news_waits_until_earlier_news_is_given_up(stopped: World) -> None:
    """C12, A11: the first is not answered at all."""
    await stopped.start(push_timeout_seconds=1)
    token, job = await stopped.register("ann"), new_id()
    stopped.apns.script(token, Script(hang_s=60, times=1))
    await happens(stopped, moved(job, JobStatus.en_route), 0)
    await stopped.apns.next_push(token)
    await happens(stopped, moved(job, JobStatus.arrived), 60)
    await stopped.settled(token, "superseded", "sent")
    assert statuses(stopped, token) == ["en_route", "arrived"]


async def test_news_that_the_bus_turned_round_does_not_take_the_place_of_later_news(world: World) -> None:
    """C12"""
    token, job = await world.register("ann"), new_id()
    await happens(world, moved(job, JobStatus.arrived), 60)
    await world.settled(token, "sent")
    await happens(world, moved(job, JobStatus.en_route), 0)
    await world.settled(token, "sent", "superseded")
    assert statuses(world, token) == ["arrived"]
    assert len((await world.notifications("ann"))["items"]) == 2
