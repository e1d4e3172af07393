"""Commands given again, over HTTP and over the bus: an answer may get lost on its way, by either."""

from typing import Any

import pytest

from contracts.events import JobCancelled, JobCreated, JobRetried, JobStatusChanged
from contracts.models import Identity, JobStatus, Role
from contracts.requests import (
    AdvanceBooking,
    BookingView,
    CancelBooking,
    ListOpenBookings,
    Request,
    RetryBooking,
    ViewBooking,
)
from wire.problem import ProblemError
from wire.rpc import request

from .people import Person, Service, answered

Job = dict[str, Any]


def identity_of(person: Person) -> Identity:
    return Identity(subject=person.sub, role=Role(person.role))


async def by_bus(
    booking: Service, kind: type[Request[BookingView]], by: Person, job: Job, **more: Any
) -> Job:
    """The job in the answer to a request, as realtime sends it."""
    question = kind.model_validate({"identity": identity_of(by), "booking_id": job["id"], **more})
    return (await request(booking.nc, question)).job.model_dump(mode="json")


async def told(booking: Service, job: Job, customer: Person, count: int) -> list[type]:
    """What was said of the job, all of it: whatever was said later than an order is told after it."""
    later = await customer.ordered()
    await booking.ear.about(later, 1)
    return [type(event) for event in await booking.ear.about(job, count)]


async def test_cancel_repeated_is_answered_the_same_and_told_once(booking: Service, customer: Person) -> None:
    """B11: over the bus, over HTTP, and by an admin too."""
    job = await customer.ordered()
    first = await by_bus(booking, CancelBooking, customer, job, reason="rain")
    assert (first["status"], first["version"]) == ("cancelled", 2)
    assert answered(await customer.cancels(job), 200) == first
    assert answered(await booking.person("admin").cancels(job), 200) == first
    assert await by_bus(booking, CancelBooking, customer, job, reason="snow") == first
    assert await told(booking, job, customer, 2) == [JobCreated, JobCancelled]
    off = (await booking.ear.about(job, 2))[-1]
    assert isinstance(off, JobCancelled)
    assert (off.reason, off.cancelled_by) == ("rain", "user")


async def test_retry_repeated_is_answered_the_same_and_told_once(booking: Service, customer: Person) -> None:
    """B10: two taps are one new search."""
    job = await customer.ordered()
    await booking.finds_nobody(job)
    first = answered(await customer.retries(job), 200)
    assert (first["status"], first["attempt"], first["version"]) == ("pending", 2, 3)
    assert await by_bus(booking, RetryBooking, customer, job) == first
    assert answered(await customer.retries(job), 200) == first
    assert await told(booking, job, customer, 3) == [JobCreated, JobStatusChanged, JobRetried]


@pytest.mark.parametrize("step", ["en_route", "arrived", "in_progress", "completed"])
async def test_step_repeated_is_answered_the_same_and_told_once(
    booking: Service, customer: Person, driver: Person, step: str
) -> None:
    """C12, A8"""
    steps = ["en_route", "arrived", "in_progress", "completed"]
    before = steps[: steps.index(step)]
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    for earlier in before:
        answered(await driver.moves(job, earlier), 200)
    first = await by_bus(booking, AdvanceBooking, driver, job, status=step)
    assert first["status"] == step
    assert answered(await driver.moves(job, step), 200) == first
    assert await by_bus(booking, AdvanceBooking, driver, job, status=step) == first
    changes = len(before) + 2  # and the assignment
    assert await told(booking, job, customer, changes + 1) == [JobCreated, *[JobStatusChanged] * changes]


async def test_step_of_a_job_that_went_on_is_no_repetition(
    booking: Service, customer: Person, driver: Person
) -> None:
    """C12: what comes late does not take the job back."""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    for step in ("en_route", "arrived"):
        moved = await by_bus(booking, AdvanceBooking, driver, job, status=step)
    with pytest.raises(ProblemError, match="illegal_step"):
        await by_bus(booking, AdvanceBooking, driver, job, status="en_route")
    assert await by_bus(booking, ViewBooking, driver, job) == moved


@pytest.fixture
def people(booking: Service, customer: Person, driver: Person, admin: Person) -> dict[str, Person]:
    return {"customer": customer, "driver": driver, "admin": admin, "stranger": booking.person("user")}


@pytest.mark.parametrize(
    ("kind", "by", "code"),
    [
        (CancelBooking, "driver", "forbidden"),
        (RetryBooking, "admin", "forbidden"),
        (AdvanceBooking, "customer", "forbidden"),
        (RetryBooking, "customer", "not_retryable"),
        (ViewBooking, "stranger", "not_found"),
        (CancelBooking, "stranger", "not_found"),
        (RetryBooking, "stranger", "not_found"),
        (AdvanceBooking, "stranger", "not_found"),
    ],
)
async def test_request_is_refused_as_over_http(
    booking: Service, people: dict[str, Person], kind: type[Request[BookingView]], by: str, code: str
) -> None:
    """B10, B11, C6, C12: and changes nothing."""
    customer = people["customer"]
    job = await customer.ordered()
    await booking.assigns(job, people["driver"].sub)
    more = {"status": "en_route"} if kind is AdvanceBooking else {}
    with pytest.raises(ProblemError) as refusal:
        await by_bus(booking, kind, people[by], job, **more)
    assert refusal.value.problem.code == code
    assert (await customer.sees(job))["version"] == 2


async def test_open_bookings_are_those_under_way(booking: Service, customer: Person, driver: Person) -> None:
    """C7: of the asker, newest first; an admin has none."""
    waiting, ours, ended = [await customer.ordered() for _ in range(3)]
    await booking.assigns(ours, driver.sub)
    await customer.cancels(ended)
    for person, expected in ((customer, [ours, waiting]), (driver, [ours]), (booking.person("admin"), [])):
        open_ones = await request(booking.nc, ListOpenBookings(identity=identity_of(person)))
        assert [str(job.id) for job in open_ones.jobs] == [job["id"] for job in expected]
        assert all(job.status in (JobStatus.pending, JobStatus.accepted) for job in open_ones.jobs)
