"""Who sees which booking."""

from uuid import uuid4

from .people import Person, Service, answered, refused


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
