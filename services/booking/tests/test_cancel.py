"""What a cancel has matching do before it is answered. Here somebody else answers in matching's place."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from booking import commands
from contracts.events import JobCancelled
from contracts.models import Identity, Role
from contracts.requests import CancelBooking, EndSearch, SearchOver
from wire.problem import ProblemError
from wire.rpc import request

from .people import PATIENCE_S, Person, Service, answered, refused


async def told_of_it(booking: Service, job: dict[str, Any]) -> bool:
    """Whether the event came too, which is the truth that survives a crash."""
    return isinstance((await booking.ear.about(job, 2))[-1], JobCancelled)


async def over_http(_booking: Service, customer: Person, job: dict[str, Any]) -> dict[str, Any]:
    return answered(await customer.cancels(job), 200)


async def over_the_bus(booking: Service, customer: Person, job: dict[str, Any]) -> dict[str, Any]:
    who = Identity(subject=customer.sub, role=Role.user)
    question = CancelBooking(identity=who, booking_id=UUID(job["id"]))
    return (await request(booking.nc, question, PATIENCE_S)).job.model_dump(mode="json")


@pytest.mark.parametrize("cancels", [over_http, over_the_bus])
async def test_when_a_cancel_is_answered_matching_has_ended_the_search(
    booking: Service, customer: Person, cancels: Callable[..., Awaitable[dict[str, Any]]]
) -> None:
    """B11, DESIGN invariant 3: asked after the commit, for another connection sees it; told by event too."""
    job = await customer.ordered()
    asked, committed = [], []

    async def end(question: EndSearch) -> SearchOver:
        committed.append(await customer.sees(job))
        asked.append(question.job.model_dump(mode="json"))
        return SearchOver(job_id=question.job.id)

    async with booking.asking(EndSearch, end):
        cancelled = await cancels(booking, customer, job)
        assert cancelled["status"] == "cancelled"
        assert asked == committed == [cancelled]
        assert await cancels(booking, customer, job) == cancelled, "repeated, it may ask again"
    assert await told_of_it(booking, job)


async def test_cancel_that_is_refused_ends_no_search(
    booking: Service, customer: Person, driver: Person
) -> None:
    """B11"""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    asked = []

    async def end(question: EndSearch) -> SearchOver:
        asked.append(question.job.id)
        return SearchOver(job_id=question.job.id)

    async with booking.asking(EndSearch, end):
        refused(await driver.cancels(job), 403, "forbidden")
        refused(await booking.person("user").cancels(job), 404, "not_found")
        other = await customer.ordered()
        answered(await customer.cancels(other), 200)
    assert asked == [UUID(other["id"])]


async def test_matching_that_does_not_answer_fails_no_cancel(booking: Service, customer: Person) -> None:
    """A11, B11: nor is the booking's row held meanwhile."""
    job = await customer.ordered()
    done = asyncio.Event()

    async def hang(question: EndSearch) -> SearchOver:
        await done.wait()
        return SearchOver(job_id=question.job.id)

    async with booking.asking(EndSearch, hang):
        both = await asyncio.gather(customer.cancels(job), customer.cancels(job))
        assert not done.is_set()
        done.set()
    assert [answered(one, 200)["status"] for one in both] == ["cancelled"] * 2
    assert await told_of_it(booking, job)


async def test_matching_that_refuses_fails_no_cancel(booking: Service, customer: Person) -> None:
    """A11, B11: as when its database is away."""
    job = await customer.ordered()

    async def refuse(_: EndSearch) -> SearchOver:
        raise ProblemError("unavailable", "The database is not answering; try again", 503)

    async with booking.asking(EndSearch, refuse):
        assert answered(await customer.cancels(job), 200)["status"] == "cancelled"
    assert await told_of_it(booking, job)


async def test_without_matching_a_cancel_is_answered_at_once(
    booking: Service, customer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A11, B11: the bus says that nobody is there."""
    monkeypatch.setattr(commands, "MATCHING_SECONDS", 10 * PATIENCE_S)
    job = await customer.ordered()
    assert answered(await customer.cancels(job), 200)["status"] == "cancelled"
    assert await told_of_it(booking, job)
