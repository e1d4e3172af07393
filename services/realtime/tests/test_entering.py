"""A booking changes while somebody asks to follow it, or has ended before (C6)."""

import asyncio

import pytest
from nats.aio.client import Client
from nats.errors import NoRespondersError

from contracts.models import Job, JobStatus
from contracts.subjects import live_track
from wire.problem import ProblemError

from . import made
from .conftest import Dial, Mark, Publish
from .neighbours import Neighbours


async def nobody_listens(nc: Client, job: Job) -> None:
    """Until no edge is subscribed to the positions of this job: then the bus says so."""
    async with asyncio.timeout(60):
        while True:
            try:
                await nc.request(
                    live_track(job.id), made.tracked(job.id).model_dump_json().encode(), timeout=0.1
                )
            except NoRespondersError:
                return
            except TimeoutError:
                continue


@pytest.mark.parametrize("status", [JobStatus.completed, JobStatus.cancelled])
async def test_a_booking_that_is_over_is_shown_and_not_followed(
    dial: Dial, neighbours: Neighbours, nc: Client, status: JobStatus
) -> None:
    """C6: nothing will be said of it, so nothing is kept for it."""
    root = await dial("root-e1", "admin")
    job = neighbours.add(made.job("ann-e1", status=status))
    answer = await root.ask("booking:subscribe", {"bookingId": str(job.id)})
    assert answer["booking"]["status"] == status
    await nobody_listens(nc, job)
    assert (await root.ask("booking:unsubscribe", {"bookingId": str(job.id)}))["ok"]
    assert root.names() == []


async def test_a_driver_released_between_question_and_entering_is_not_left_inside(
    dial: Dial, neighbours: Neighbours, publish: Publish, mark: Mark, nc: Client
) -> None:
    """C6, B11: its release was told before it was in the room, so that could not put it out."""
    dan = await dial("dan-e2", "pilot")
    job = neighbours.add(made.job("ann-e2", driver=made.card("dan-e2"), status=JobStatus.accepted))

    async def release() -> None:
        neighbours.add(job.model_copy(update={"driver": None}))
        await publish(made.released(job, "dan-e2"))
        await dan.next("booking:released")

    neighbours.meanwhile[job.id] = release
    answer = await dan.ask("booking:subscribe", {"bookingId": str(job.id)})
    assert answer["error"]["code"] == "not_found"
    await nobody_listens(nc, job)
    await publish(made.status(job, "rick-e2"))
    await mark(**{"dan-e2": dan})
    assert dan.names() == ["booking:snapshot", "booking:released"]


async def test_a_booking_that_ends_between_question_and_entering_is_not_followed(
    dial: Dial, neighbours: Neighbours, publish: Publish, nc: Client
) -> None:
    """C6: its end was told before anybody was in the room to be put out."""
    ann = await dial("ann-e3", "user")
    job = neighbours.add(made.job("ann-e3"))

    async def cancel() -> None:
        neighbours.add(job.model_copy(update={"status": JobStatus.cancelled, "version": 2}))
        await publish(made.cancelled(job))
        await ann.next("booking:status")

    neighbours.meanwhile[job.id] = cancel
    answer = await ann.ask("booking:subscribe", {"bookingId": str(job.id)})
    assert answer["booking"]["status"] == "cancelled"
    await nobody_listens(nc, job)
    assert ann.names() == ["booking:snapshot", "booking:status"]


async def test_who_is_inside_stays_inside_when_booking_does_not_answer(
    dial: Dial, neighbours: Neighbours, publish: Publish
) -> None:
    """C6, C7: a driver that asks again while booking is away keeps the room that it was given."""
    job = neighbours.add(made.job("ann-e4", driver=made.card("dan-e4"), status=JobStatus.accepted))
    dan = await dial("dan-e4", "pilot")  # in the room by being its driver

    async def fail_next() -> None:
        neighbours.meanwhile[job.id] = fail

    async def fail() -> None:
        raise ProblemError("unavailable", "away", 503)

    neighbours.meanwhile[job.id] = fail_next
    answer = await dan.ask("booking:subscribe", {"bookingId": str(job.id)})
    assert answer["error"]["code"] == "unavailable"
    await publish(made.status(job, "dan-e4"))
    assert (await dan.next("job:status"))["job_id"] == str(job.id)
