"""People who know more than booking: apps hear of a search's end when booking does, or before (ADR 13).

Here somebody else answers in matching's place, and its events are held back.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from contracts.events import JobCreated, JobRetried, JobStatusChanged
from contracts.models import DriverCard, Identity, JobStatus, Role
from contracts.requests import AdvanceBooking, RetryBooking, SearchView, ViewBooking, ViewSearch
from wire.problem import ProblemError
from wire.rpc import request

from .people import PATIENCE_S, Person, Service, answered, refused


@asynccontextmanager
async def matching(
    booking: Service, state: str, attempt: int = 1, driver: str | None = None
) -> AsyncIterator[list[UUID]]:
    """It says this of the newest search of any job. Gives the jobs that it was asked about."""
    questions: list[UUID] = []
    card = DriverCard(id=driver, name="Dana", vehicle_type="van") if driver else None

    async def answer(question: ViewSearch) -> SearchView:
        questions.append(question.job_id)
        return SearchView(job_id=question.job_id, attempt=attempt, state=state, driver=card)

    async with booking.asking(ViewSearch, answer):
        yield questions


async def told(booking: Service, job: dict[str, Any], count: int) -> list[tuple[type, JobStatus, int]]:
    return [(type(one), one.job.status, one.job.version) for one in await booking.ear.about(job, count)]


@pytest.mark.parametrize("state", ["failed", "timed_out"])
async def test_a_search_that_is_over_can_be_repeated_before_booking_has_heard_of_its_end(
    booking: Service, customer: Person, state: str
) -> None:
    """B8-B10: each status is told once, and the event that comes later changes nothing."""
    job = await customer.ordered()
    async with matching(booking, state):
        retried = answered(await customer.retries(job), 200)
    assert (retried["status"], retried["attempt"]) == ("pending", 2)
    await (booking.finds_nobody if state == "failed" else booking.times_out)(job)
    assert await customer.sees(job) == retried
    assert await told(booking, job, 3) == [
        (JobCreated, JobStatus.pending, 1),
        (JobStatusChanged, JobStatus.unfulfilled, 2),
        (JobRetried, JobStatus.pending, 3),
    ]


async def test_a_second_search_that_is_over_is_repeated_too_and_not_taken_for_a_repeated_command(
    booking: Service, customer: Person
) -> None:
    """B10: or it would be answered with a search that nobody begins."""
    job = await customer.ordered()
    await booking.finds_nobody(job)
    answered(await customer.retries(job), 200)
    async with matching(booking, "timed_out", attempt=2):
        assert answered(await customer.retries(job), 200)["attempt"] == 3
        assert answered(await customer.retries(job), 200)["attempt"] == 3, "the command repeated"
    async with matching(booking, "searching", attempt=3):
        assert answered(await customer.retries(job), 200)["attempt"] == 3


@pytest.mark.parametrize(("state", "attempt"), [("searching", 1), ("cancelled", 1), ("failed", 0)])
async def test_a_search_that_goes_on_is_not_repeated(
    booking: Service, customer: Person, state: str, attempt: int
) -> None:
    """B10: nor is the end of an older one taken for its."""
    job = await customer.ordered()
    async with matching(booking, state, attempt=attempt):
        refused(await customer.retries(job), 409, "not_retryable")
    assert await customer.sees(job) == job


async def test_a_driver_with_the_job_sees_it_and_moves_it_on_before_booking_has_heard_of_the_assignment(
    booking: Service, customer: Person, driver: Person
) -> None:
    """B7, C6, C12"""
    moved, seen = await customer.ordered(), await customer.ordered()
    async with matching(booking, "assigned", driver=driver.sub):
        assert answered(await driver.moves(moved, "en_route"), 200)["driver"]["name"] == "Dana"
        assert (await driver.sees(seen))["status"] == "accepted"
    await booking.assigns(moved, driver.sub)
    assert (await customer.sees(moved))["status"] == "en_route"
    assert await told(booking, moved, 3) == [
        (JobCreated, JobStatus.pending, 1),
        (JobStatusChanged, JobStatus.accepted, 2),
        (JobStatusChanged, JobStatus.en_route, 3),
    ]


async def test_over_the_bus_as_over_http(booking: Service, customer: Person, driver: Person) -> None:
    """B10, C6, C12"""
    dan = Identity(subject=driver.sub, role=Role.pilot)
    ann = Identity(subject=customer.sub, role=Role.user)
    async with matching(booking, "assigned", driver=driver.sub):
        job = UUID((await customer.ordered())["id"])
        step = AdvanceBooking(identity=dan, booking_id=job, status=JobStatus.en_route)
        assert (await request(booking.nc, step, PATIENCE_S)).job.status is JobStatus.en_route
        job = UUID((await customer.ordered())["id"])
        view = ViewBooking(identity=dan, booking_id=job)
        assert (await request(booking.nc, view, PATIENCE_S)).job.status is JobStatus.accepted
    async with matching(booking, "failed"):
        job = UUID((await customer.ordered())["id"])
        again = await request(booking.nc, RetryBooking(identity=ann, booking_id=job), PATIENCE_S)
        assert again.job.attempt == 2


async def test_whoever_else_asks_is_told_what_it_was(
    booking: Service, customer: Person, driver: Person
) -> None:
    """C6: what matching answers is not answered to others."""
    job = await customer.ordered()
    async with matching(booking, "assigned", driver="somebody else"):
        refused(await driver.moves(job, "en_route"), 404, "not_found")
        refused(await driver.asks("GET", f"/{job['id']}"), 404, "not_found")
        refused(await booking.person("user").retries(job), 404, "not_found")


async def test_matching_is_asked_only_about_a_search_that_booking_knows_no_end_of(
    booking: Service, customer: Person, driver: Person
) -> None:
    """A11: it is not in the way of the rest of a job's life, nor of its customer's looks."""
    job = await customer.ordered()
    async with matching(booking, "failed") as questions:
        await customer.sees(job)
        assert questions == []
        await booking.assigns(job, driver.sub)
        await driver.sees(job)
        answered(await driver.moves(job, "en_route"), 200)
        refused(await customer.retries(job), 409, "not_retryable")
    assert questions == []


async def test_without_matching_booking_goes_by_what_it_knows(
    booking: Service, customer: Person, driver: Person
) -> None:
    """A11: away, in trouble, or silent; nobody is kept from the row meanwhile."""
    job = await customer.ordered()
    refused(await customer.retries(job), 409, "not_retryable")

    async def refuse(_: ViewSearch) -> SearchView:
        raise ProblemError("unavailable", "The database is not answering; try again", 503)

    async with booking.asking(ViewSearch, refuse):
        refused(await customer.retries(job), 409, "not_retryable")
        refused(await driver.moves(job, "en_route"), 404, "not_found")

    waiting, done = asyncio.Event(), asyncio.Event()

    async def hang(question: ViewSearch) -> SearchView:
        waiting.set()
        await done.wait()
        return SearchView(job_id=question.job_id, attempt=1, state="failed")

    async with booking.asking(ViewSearch, hang):
        retrying = asyncio.create_task(customer.retries(job))
        await waiting.wait()
        await booking.assigns(job, driver.sub)
        refused(await retrying, 409, "not_retryable")
        done.set()
    assert (await customer.sees(job))["status"] == "accepted"


@pytest.mark.parametrize("state", ["assigned", "failed"])
async def test_an_answer_that_a_cancel_has_overtaken_changes_nothing(
    booking: Service, customer: Person, driver: Person, state: str
) -> None:
    """B11: matching looked before the cancel, booking writes after it."""
    job = await customer.ordered()
    card = DriverCard(id=driver.sub, name="Dana") if state == "assigned" else None

    async def answer(question: ViewSearch) -> SearchView:
        answered(await customer.cancels(job), 200)
        return SearchView(job_id=question.job_id, attempt=1, state=state, driver=card)

    async with booking.asking(ViewSearch, answer):
        refused(await customer.retries(job), 409, "not_retryable")
    assert (await customer.sees(job))["status"] == "cancelled"
    assert [status for _, status, _ in await told(booking, job, 2)] == ["pending", "cancelled"]


async def test_what_was_looked_up_stands_though_the_command_never_came(
    booking: Service, customer: Person, driver: Person
) -> None:
    """B7, C12: as when booking dies between the two; the event and the next command find it as any other."""
    job = await customer.ordered()
    async with matching(booking, "assigned", driver=driver.sub):
        refused(await booking.person("user").retries(job), 404, "not_found")
    assert (await customer.sees(job))["status"] == "accepted"
    await booking.assigns(job, driver.sub)
    answered(await driver.moves(job, "en_route"), 200)
    assert [version for *_, version in await told(booking, job, 3)] == [1, 2, 3]
