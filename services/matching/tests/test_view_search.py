"""How a search stands, as booking asks for it when a person may know more than it does (ADR 13)."""

from uuid import UUID

import pytest

from contracts.events import AssignmentCreated, OfferCreated, SearchFailed, SearchTimedOut
from contracts.ids import new_id
from contracts.requests import SearchView, ViewSearch
from wire.problem import ProblemError
from wire.rpc import request

from .conftest import PATIENCE_S, World


async def seen(world: World, job_id: UUID) -> SearchView:
    return await request(world.nc, ViewSearch(job_id=job_id), PATIENCE_S)


async def test_it_is_what_the_newest_searchs_event_tells(world: World) -> None:
    """B7-B10: each attempt by itself, and the driver as the assignment shows it."""
    at = world.place()
    job = world.job(at, await world.rules("brief", search_seconds=1))
    await world.created(job)
    failed = await world.hears(SearchFailed, job.id)
    assert await seen(world, job.id) == SearchView(job_id=job.id, attempt=1, state="failed")

    driver = await world.driver(at, phone="+1 555 0100", vehicle_type="van")
    again = job.model_copy(update={"attempt": failed.attempt + 1})
    await world.retried(again)
    await world.hears(OfferCreated, job.id)
    assert await seen(world, job.id) == SearchView(job_id=job.id, attempt=2, state="searching")
    await world.hears(SearchTimedOut, job.id)
    assert await seen(world, job.id) == SearchView(job_id=job.id, attempt=2, state="timed_out")

    await world.wins(driver, other := world.job(at))
    told = (await world.hears(AssignmentCreated, other.id)).driver
    assert (told.id, told.phone, told.vehicle_type) == (driver, "+1 555 0100", "van")
    assert await seen(world, other.id) == SearchView(
        job_id=other.id, attempt=1, state="assigned", driver=told
    )


async def test_a_cancelled_one_says_so(world: World) -> None:
    """B11"""
    job = world.job(world.place())
    await world.cancelled(job)
    last = world.job(world.place())
    await world.created(last)
    await world.hears(SearchFailed, last.id)
    assert (await seen(world, job.id)).state == "cancelled"


async def test_a_job_that_matching_has_not_heard_of_has_none(world: World) -> None:
    """B13"""
    with pytest.raises(ProblemError) as refused:
        await seen(world, new_id())
    assert (refused.value.problem.status, refused.value.problem.code) == (404, "not_found")
