"""Who sees which booking."""

from typing import Any
from uuid import uuid4

import pytest

from contracts.models import JobStatus

from .people import ORDER, Person, Service, answered, refused

STEPS = ["en_route", "arrived", "in_progress", "completed"]


async def test_stranger_sees_no_booking_and_learns_nothing_of_it(booking: Service, customer: Person) -> None:
    """C6: only the job's customer, its driver and admins; for others it does not exist."""
    job = await customer.ordered()
    await booking.assigns(job, "its driver")
    for stranger in (booking.person("user"), booking.person("pilot"), booking.person("pilot", customer.sub)):
        path = f"/{job['id']}"
        refused(await stranger.asks("GET", path), 404, "not_found")
        refused(await stranger.cancels(job), 404, "not_found")
        refused(await stranger.retries(job), 404, "not_found")
        refused(await stranger.moves(job, "en_route"), 404, "not_found")
        assert answered(await stranger.asks("GET"), 200)["items"] == []
    assert (await customer.sees(job))["status"] == "accepted"


async def test_unknown_booking_is_answered_as_a_foreign_one(customer: Person) -> None:
    nowhere = {"id": str(uuid4())}
    for answer in (
        await customer.asks("GET", f"/{nowhere['id']}"),
        await customer.cancels(nowhere),
        await customer.retries(nowhere),
        await customer.moves(nowhere, "en_route"),
    ):
        refused(answer, 404, "not_found")


async def test_driver_sees_its_jobs_and_no_others(booking: Service, customer: Person, driver: Person) -> None:
    """C6: from the assignment on."""
    mine, other = await customer.ordered(), await customer.ordered()
    refused(await driver.asks("GET", f"/{mine['id']}"), 404, "not_found")
    await booking.assigns(mine, driver.sub)
    await booking.assigns(other, "somebody else")
    assert [job["id"] for job in answered(await driver.asks("GET"), 200)["items"]] == [mine["id"]]
    assert (await driver.sees(mine))["driver"]["id"] == driver.sub
    refused(await driver.asks("GET", f"/{other['id']}"), 404, "not_found")


async def test_customer_pages_through_its_own_bookings_newest_first(
    booking: Service, customer: Person
) -> None:
    ordered = []
    for _ in range(5):
        await booking.person("user").ordered()
        ordered.append((await customer.ordered())["id"])
    page = answered(await customer.asks("GET", params={"limit": 2}), 200)
    seen = page["items"]
    while page["next"]:
        page = answered(await customer.asks("GET", params={"limit": 2, "before": page["next"]}), 200)
        seen += page["items"]
    assert [job["id"] for job in seen] == ordered[::-1]
    assert len(page["items"]) == 1


async def test_admin_sees_every_booking(booking: Service, admin: Person) -> None:
    first, second = [await booking.person("user").ordered() for _ in range(2)]
    newest = answered(await admin.asks("GET", params={"limit": 2}), 200)["items"]
    assert newest == [second, first]
    assert await admin.sees(first) == first


async def lists(person: Person, **filters: Any) -> list[str]:
    """The ids on the first page."""
    return [job["id"] for job in answered(await person.asks("GET", params=filters), 200)["items"]]


async def in_every_state(booking: Service, customer: Person) -> dict[str, str]:
    """A booking of this customer in each status, by status, the oldest first."""
    jobs = {}
    for status in JobStatus:
        job = await customer.ordered()
        jobs[status.value] = job["id"]
        driver = booking.person("pilot")
        if status is JobStatus.unfulfilled:
            await booking.finds_nobody(job)
        elif status is JobStatus.cancelled:
            await customer.cancels(job)
        elif status is not JobStatus.pending:
            await booking.assigns(job, driver.sub)
            for step in STEPS[: STEPS.index(status) + 1] if status in STEPS else ():
                answered(await driver.moves(job, step), 200)
    return jobs


async def test_bookings_are_listed_by_status(booking: Service, customer: Person) -> None:
    """D3: said once, with commas, or repeatedly; newest first."""
    jobs = await in_every_state(booking, customer)
    for status, job in jobs.items():
        assert await lists(customer, status=status) == [job]
    some = [status for status in jobs if status in {"arrived", "cancelled", "pending"}]
    newest_first = [jobs[status] for status in some[::-1]]
    for said in (",".join(some), some, [",".join(some[:2]), some[2]]):
        assert await lists(customer, status=said) == newest_first


async def test_an_admins_map_has_all_open_jobs_page_by_page(
    booking: Service, customer: Person, admin: Person
) -> None:
    """D3: those that a driver is looked for or is at work on, each with its pickup; and no ended one."""
    jobs = await in_every_state(booking, customer)
    under_way = [jobs[one] for one in jobs if one in {"pending", "accepted", *STEPS} - {"completed"}][::-1]
    assert await lists(customer, open=True) == under_way
    assert await lists(customer, open=True, status="pending,completed") == [jobs["pending"]]
    assert await lists(customer, open=False) == list(jobs.values())[::-1]
    seen: list[Any] = []
    page: Any = {"next": None}
    while len([job for job in seen if job["id"] in under_way]) < len(under_way):
        before = {"before": page["next"]} if page["next"] else {}
        page = answered(await admin.asks("GET", params={"open": True, "limit": 2} | before), 200)
        seen += page["items"]
    mine = [job for job in seen if job["customer_id"] == customer.sub]
    assert [job["id"] for job in mine] == under_way
    assert all(job["pickup"]["lat"] == ORDER["pickup"]["lat"] for job in mine)
    assert {job["status"] for job in seen} <= {"pending", "accepted", *STEPS} - {"completed"}


async def test_filters_show_nobody_what_is_not_theirs(booking: Service, customer: Person) -> None:
    """D3, C6: they narrow what one may see, and nothing else."""
    job = await customer.ordered()
    driver = booking.person("pilot")
    await booking.assigns(job, driver.sub)
    for stranger in (booking.person("user"), booking.person("pilot")):
        assert await lists(stranger, open=True) == await lists(stranger, status="accepted") == []
    assert await lists(driver, open=True) == [job["id"]]


@pytest.mark.parametrize("wrong", [{"status": "lost"}, {"status": ""}, {"status": "pending,"}, {"open": "2"}])
async def test_a_filter_that_is_none_is_refused(admin: Person, wrong: dict[str, str]) -> None:
    refused(await admin.asks("GET", params=wrong), 422, "invalid")
