"""A job from its order to its end: by its customer, its driver and matching."""

from uuid import uuid4

import pytest

from contracts.events import JobCancelled, JobCreated, JobRetried, JobStatusChanged, SearchTimedOut
from contracts.models import JobStatus

from .people import Person, Service, about, answered, refused

STEPS = ["en_route", "arrived", "in_progress", "completed"]


async def test_assigned_driver_and_card_are_on_the_job(
    booking: Service, customer: Person, driver: Person
) -> None:
    """B7, C8"""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    accepted = await customer.sees(job)
    assert (accepted["status"], accepted["version"]) == ("accepted", 2)
    card = accepted["driver"]
    assert (card["id"], card["name"], card["phone"], card["rating"]) == (
        driver.sub,
        "Dana",
        "+1 555 0100",
        4.8,
    )
    _, told = await booking.ear.about(job, 2)
    assert isinstance(told, JobStatusChanged)
    assert (told.previous, told.driver_id) == (JobStatus.pending, driver.sub)
    assert told.job.model_dump(mode="json") == accepted


async def test_driver_moves_the_job_on_to_completion(
    booking: Service, customer: Person, driver: Person
) -> None:
    """C12, C8, A8: each step is told, with the one before it."""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    for version, step in enumerate(STEPS, start=3):
        moved = answered(await driver.moves(job, step), 200)
        assert (moved["status"], moved["version"]) == (step, version)
    told = (await booking.ear.about(job, 6))[2:]
    assert all(isinstance(event, JobStatusChanged) for event in told)
    assert [event.job.status for event in told] == STEPS
    previous = [event.previous for event in told if isinstance(event, JobStatusChanged)]
    assert previous == ["accepted", *STEPS[:-1]]
    assert {event.driver_id for event in told} == {driver.sub}
    assert await customer.sees(job) == moved


async def test_step_taken_twice_is_answered_the_same_and_told_once(
    booking: Service, customer: Person, driver: Person
) -> None:
    """C12"""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    first, again = [answered(await driver.moves(job, "en_route"), 200) for _ in range(2)]
    assert again == first
    await driver.moves(job, "arrived")
    told = await booking.ear.about(job, 4)
    assert [event.job.status for event in told] == ["pending", "accepted", "en_route", "arrived"]


@pytest.mark.parametrize(
    "step", ["pending", "arrived", "in_progress", "completed", "cancelled", "unfulfilled"]
)
async def test_illegal_step_is_refused(booking: Service, customer: Person, driver: Person, step: str) -> None:
    """C12"""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    refused(await driver.moves(job, step), 409, "illegal_step")
    assert (await customer.sees(job))["status"] == "accepted"


async def test_nobody_but_the_driver_moves_a_job_on(
    booking: Service, customer: Person, driver: Person, admin: Person
) -> None:
    """C12"""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    for person in (customer, admin):
        refused(await person.moves(job, "en_route"), 403, "forbidden")


async def test_cancelled_twice_is_answered_the_same_and_told_once(booking: Service, customer: Person) -> None:
    """B11"""
    job, other = await customer.ordered(), await customer.ordered()
    first, again = [answered(await customer.cancels(job), 200) for _ in range(2)]
    assert again == first
    assert (first["status"], first["version"]) == ("cancelled", 2)
    await customer.cancels(other)
    await booking.ear.about(other, 2)
    _, told = await booking.ear.about(job, 2)
    assert isinstance(told, JobCancelled)
    assert (told.cancelled_by, told.driver_id) == ("user", None)


async def test_cancel_after_the_assignment_names_the_driver(
    booking: Service, customer: Person, driver: Person, admin: Person
) -> None:
    """B11: so that the driver who holds the job is told; an admin may cancel too."""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    answered(await admin.asks("POST", f"/{job['id']}/cancel", json={"reason": "street closed"}), 200)
    told = (await booking.ear.about(job, 3))[-1]
    assert isinstance(told, JobCancelled)
    assert (told.cancelled_by, told.driver_id, told.reason) == ("admin", driver.sub, "street closed")
    assert (await driver.sees(job))["status"] == "cancelled"


async def test_driver_cannot_cancel(booking: Service, customer: Person, driver: Person) -> None:
    """B11"""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    refused(await driver.cancels(job), 403, "forbidden")


async def test_completed_job_cannot_be_cancelled(booking: Service, customer: Person, driver: Person) -> None:
    """B11: at any stage before completion."""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    for step in STEPS:
        await driver.moves(job, step)
    refused(await customer.cancels(job), 409, "already_completed")


async def test_assignment_that_crosses_a_cancel_changes_nothing(
    booking: Service, customer: Person, driver: Person
) -> None:
    """B11, DESIGN 3: matching releases the driver when it hears of the cancel."""
    job = await customer.ordered()
    cancelled = answered(await customer.cancels(job), 200)
    await booking.assigns(job, driver.sub)
    assert await customer.sees(job) == cancelled
    refused(await driver.asks("GET", f"/{job['id']}"), 404, "not_found")


async def test_release_of_the_driver_is_only_the_echo_of_a_cancel(
    booking: Service, customer: Person, driver: Person
) -> None:
    """B11: it changes nothing, told before or after its time."""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    accepted = await customer.sees(job)
    await booking.releases(job, driver.sub)
    await booking.releases(job, "another driver", attempt=0)
    assert await customer.sees(job) == accepted
    cancelled = answered(await customer.cancels(job), 200)
    await booking.releases(job, driver.sub)
    assert await customer.sees(job) == cancelled


async def test_news_of_a_job_that_nobody_knows_is_done_with(booking: Service, customer: Person) -> None:
    """DESIGN invariant 5: it holds up nothing that comes after it."""
    job = await customer.ordered()
    nowhere = job | {"id": str(uuid4())}
    await booking.assigns(nowhere, "somebody")
    await booking.finds_nobody(nowhere)
    await booking.releases(nowhere, "somebody")
    await booking.assigns(job, "its driver")
    assert (await customer.sees(job))["status"] == "accepted"


async def test_search_that_found_nobody_leaves_the_job_to_its_customer(
    booking: Service, customer: Person
) -> None:
    """B8, B9"""
    job, other = await customer.ordered(), await customer.ordered()
    await booking.finds_nobody(job)
    await booking.happens(SearchTimedOut(**about(other), tried=3))
    for one in (job, other):
        assert (await customer.sees(one))["status"] == "unfulfilled"
        told = (await booking.ear.about(one, 2))[-1]
        assert (type(told), told.job.status) == (JobStatusChanged, JobStatus.unfulfilled)


async def test_retry_announces_a_second_attempt(booking: Service, customer: Person) -> None:
    """B10: and what is still heard of the first changes nothing."""
    job = await customer.ordered()
    await booking.finds_nobody(job)
    retried = answered(await customer.retries(job), 200)
    assert (retried["status"], retried["attempt"]) == ("pending", 2)
    told = (await booking.ear.about(job, 3))[-1]
    assert isinstance(told, JobRetried)
    assert told.job.model_dump(mode="json") == retried

    await booking.happens(SearchTimedOut(**about(job, attempt=1), tried=1))
    await booking.finds_nobody(job, attempt=1)
    await booking.assigns(job, "late driver", attempt=1)
    assert await customer.sees(job) == retried

    await booking.assigns(job, "driver in time", attempt=2)
    assert (await customer.sees(job))["driver"]["id"] == "driver in time"


async def test_retry_is_refused_while_a_search_runs_or_there_is_a_driver(
    booking: Service, customer: Person, driver: Person
) -> None:
    """B10"""
    job = await customer.ordered()
    refused(await customer.retries(job), 409, "not_retryable")
    await booking.assigns(job, driver.sub)
    refused(await customer.retries(job), 409, "not_retryable")
    await customer.cancels(job)
    refused(await customer.retries(job), 409, "not_retryable")


async def test_only_the_customer_searches_again(booking: Service, customer: Person, admin: Person) -> None:
    """B10"""
    job = await customer.ordered()
    await booking.finds_nobody(job)
    refused(await admin.retries(job), 403, "forbidden")
    assert (await customer.sees(job))["status"] == "unfulfilled"


async def test_event_delivered_again_changes_nothing(
    booking: Service, customer: Person, driver: Person
) -> None:
    """DESIGN invariant 5: past JetStream's own deduplication the inbox knows it, and past that the domain."""
    job = await customer.ordered()
    assignment = await booking.assigns(job, driver.sub)
    moved = answered(await driver.moves(job, "en_route"), 200)
    await booking.delivers(assignment)
    await booking.assigns(job, driver.sub)
    assert await customer.sees(job) == moved


async def test_life_is_told_in_its_order(booking: Service, customer: Person, driver: Person) -> None:
    """DESIGN invariant 6: versions without gap."""
    job = await customer.ordered()
    await booking.finds_nobody(job)
    await customer.retries(job)
    await booking.assigns(job, driver.sub, attempt=2)
    await driver.moves(job, "en_route")
    await customer.cancels(job)
    told = await booking.ear.about(job, 6)
    assert [event.job.version for event in told] == [1, 2, 3, 4, 5, 6]
    assert [type(event) for event in told] == [
        JobCreated,
        JobStatusChanged,
        JobRetried,
        JobStatusChanged,
        JobStatusChanged,
        JobCancelled,
    ]
