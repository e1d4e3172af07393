"""Two things at the same moment: both wait for a row or a key that a third transaction holds until then."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from contracts.events import JobCancelled, JobCreated, JobRetried, JobStatusChanged

from .holding import Queued, holding
from .people import Person, Service, answered, refused

STEPS = ["en_route", "arrived", "in_progress", "completed"]
CLAIM = "INSERT INTO idempotency VALUES ($1, $2, 'another order', $3, now())"


def holding_row(booking: Service, job: dict[str, Any]) -> AbstractAsyncContextManager[Queued]:
    row = "SELECT 1 FROM booking WHERE id = $1 FOR UPDATE"
    return holding(booking.database_url, row, UUID(job["id"]))


async def at_once(booking: Service, job: dict[str, Any], *doing: Awaitable[Any]) -> list[Any]:
    """What they come to, when all stand at the job's row before one of them goes on."""
    async with holding_row(booking, job) as queued:
        all_of_them = asyncio.gather(*doing)
        await queued(len(doing))
    return await all_of_them


def statuses(answers: Sequence[httpx.Response]) -> list[int]:
    return [answer.status_code for answer in answers]


async def test_cancel_twice_at_once_is_one_cancel(booking: Service, customer: Person, admin: Person) -> None:
    """B11"""
    job = await customer.ordered()
    answers = await at_once(booking, job, customer.cancels(job), admin.cancels(job), customer.cancels(job))
    cancelled = await customer.sees(job)
    assert (cancelled["status"], cancelled["version"]) == ("cancelled", 2)
    assert [answered(answer, 200) for answer in answers] == [cancelled] * 3
    await booking.ear.about(await customer.ordered(), 1)
    assert [type(event) for event in await booking.ear.about(job, 2)] == [JobCreated, JobCancelled]


async def test_retry_twice_at_once_is_one_search(booking: Service, customer: Person) -> None:
    """B10: two taps, one attempt."""
    job = await customer.ordered()
    await booking.finds_nobody(job)
    answers = await at_once(booking, job, *(customer.retries(job) for _ in range(3)))
    retried = await customer.sees(job)
    assert (retried["status"], retried["attempt"], retried["version"]) == ("pending", 2, 3)
    assert [answered(answer, 200) for answer in answers] == [retried] * 3
    await booking.ear.about(await customer.ordered(), 1)
    told = await booking.ear.about(job, 3)
    assert [type(event) for event in told] == [JobCreated, JobStatusChanged, JobRetried]


async def test_step_twice_at_once_is_one_step(booking: Service, customer: Person, driver: Person) -> None:
    """C12"""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    answers = await at_once(booking, job, *(driver.moves(job, "en_route") for _ in range(3)))
    moved = await customer.sees(job)
    assert (moved["status"], moved["version"]) == ("en_route", 3)
    assert [answered(answer, 200) for answer in answers] == [moved] * 3


async def test_cancel_and_completion_at_once_have_one_winner(
    booking: Service, customer: Person, driver: Person
) -> None:
    """B11, C12, DESIGN invariant 6: one finds the other's work."""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    for step in STEPS[:-1]:
        await driver.moves(job, step)
    answers = await at_once(booking, job, customer.cancels(job), driver.moves(job, "completed"))
    assert sorted(statuses(answers)) == [200, 409]
    after = await customer.sees(job)
    winner = "cancelled" if answers[0].status_code == 200 else "completed"
    assert (after["status"], after["version"]) == (winner, 6)


async def test_cancel_and_assignment_at_once_end_cancelled(
    booking: Service, customer: Person, driver: Person
) -> None:
    """B11, E1: whichever is first. Matching releases the driver, whom the event names if booking knew it."""
    job = await customer.ordered()
    answer, _ = await at_once(booking, job, customer.cancels(job), booking.assigns(job, driver.sub))
    cancelled = answered(answer, 200)
    assert await customer.sees(job) == cancelled
    assert cancelled["status"] == "cancelled"
    told = await booking.ear.about(job, cancelled["version"])
    assert [event.job.version for event in told] == [1, 2, 3][: cancelled["version"]]
    assert isinstance(told[-1], JobCancelled)
    assert told[-1].driver_id == (driver.sub if cancelled["version"] == 3 else None)


async def test_retry_and_late_assignment_at_once_have_one_winner(
    booking: Service, customer: Person, driver: Person
) -> None:
    """B10, E1: either the first search's driver has the job, or the second search is on; never both."""
    job = await customer.ordered()
    await booking.finds_nobody(job)
    answer, _ = await at_once(booking, job, customer.retries(job), booking.assigns(job, driver.sub))
    after = await customer.sees(job)
    assert after["version"] == 3
    if answer.status_code == 200:
        assert (after["status"], after["attempt"], after["driver"]) == ("pending", 2, None)
    else:
        refused(answer, 409, "not_retryable")
        assert (after["status"], after["attempt"], after["driver"]["id"]) == ("accepted", 1, driver.sub)


async def test_cancel_and_retry_at_once_end_cancelled(booking: Service, customer: Person) -> None:
    """B10, B11: whichever is first."""
    job = await customer.ordered()
    await booking.finds_nobody(job)
    cancelled, retried = await at_once(booking, job, customer.cancels(job), customer.retries(job))
    assert answered(cancelled, 200) == await customer.sees(job)
    assert retried.status_code in (200, 409)
    assert cancelled.json()["version"] == (4 if retried.status_code == 200 else 3)


async def test_cancel_and_end_of_the_search_at_once_end_cancelled(booking: Service, customer: Person) -> None:
    """B9, B11: whichever is first."""
    job = await customer.ordered()
    answer, _ = await at_once(booking, job, customer.cancels(job), booking.times_out(job))
    assert answered(answer, 200) == await customer.sees(job)


async def test_twenty_copies_of_an_order_at_once_make_one_booking(booking: Service, customer: Person) -> None:
    """DESIGN invariant 1. All twenty stand at the claimed key when the claim is given up."""
    async with holding(booking.database_url, CLAIM, customer.sub, "k", uuid4()) as queued:
        orders = asyncio.gather(*(customer.orders(key="k") for _ in range(20)))
        await queued(20)
    answers = await orders
    job = answered(answers[0], 201)
    assert [answered(answer, 201) for answer in answers] == [job] * 20
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 19
    assert (await customer.asks("GET")).json()["items"] == [job]
    await customer.cancels(job)
    await booking.ear.about(job, 2)
    mine = [event for _, event in booking.ear.said if event.customer_id == customer.sub]
    assert [type(event) for event in mine] == [JobCreated, JobCancelled]


async def test_two_orders_at_once_with_one_key_make_the_first_of_them(
    booking: Service, customer: Person
) -> None:
    """DESIGN invariant 1: the other is refused, and leaves nothing behind."""
    async with holding(booking.database_url, CLAIM, customer.sub, "k", uuid4()) as queued:
        orders = asyncio.gather(customer.orders(key="k", notes="one"), customer.orders(key="k", notes="two"))
        await queued(2)
    answers = await orders
    assert sorted(statuses(answers)) == [201, 422]
    taken, other = sorted(answers, key=lambda answer: answer.status_code)
    refused(other, 422, "idempotency_key_reused")
    assert (await customer.asks("GET")).json()["items"] == [answered(taken, 201)]


async def test_order_that_waited_for_its_key_sees_the_claim_that_was_committed(
    booking: Service, customer: Person
) -> None:
    """DESIGN invariant 1: it does not order on top of what another one ordered meanwhile."""
    async with holding(booking.database_url, CLAIM, customer.sub, "k", uuid4(), keep=True) as queued:
        orders = asyncio.gather(*(customer.orders(key="k") for _ in range(3)))
        await queued(3)
    for answer in await orders:
        refused(answer, 422, "idempotency_key_reused")
    assert (await customer.asks("GET")).json()["items"] == []


@pytest.mark.parametrize("key", ["another", None])
async def test_order_with_another_key_or_none_waits_for_nobody(
    booking: Service, customer: Person, key: str | None
) -> None:
    """DESIGN invariant 1: a key keeps only its own orders apart."""
    async with holding(booking.database_url, CLAIM, customer.sub, "k", uuid4()):
        answered(await customer.orders(key=key), 201)
        answered(await booking.person("user").orders(key="k"), 201)
