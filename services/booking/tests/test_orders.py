"""Ordering, and ordering again with the same Idempotency-Key."""

import pytest

from booking.usecases import Order
from contracts.events import JobCancelled, JobCreated
from contracts.ids import to_token
from wire.envelope import unseal

from .people import ORDER, PATIENCE_S, Person, Service, answered, refused


async def test_order_is_answered_with_the_job_and_where_it_is(customer: Person) -> None:
    """B15: what was ordered is what the job shows; B1: it is pending, its first attempt."""
    response = await customer.orders()
    job = answered(response, 201)
    assert response.headers["location"] == f"/v1/bookings/{job['id']}"
    assert "idempotency-replayed" not in response.headers
    assert {name: job[name] for name in ORDER} == ORDER
    assert (job["status"], job["attempt"], job["version"]) == ("pending", 1, 1)
    assert (job["customer_id"], job["driver"]) == (customer.sub, None)
    assert job["address"] == "1 Hive St"
    assert job["number"].startswith("WG-")
    assert await customer.sees(job) == job


async def test_order_needs_no_place_and_may_have_only_an_address(customer: Person) -> None:
    """A3: a job without a location."""
    job = await customer.ordered(pickup=None, dropoff=None, address="By the old mill")
    assert (job["pickup"], job["dropoff"], job["address"]) == (None, None, "By the old mill")


async def test_order_may_name_the_driver_that_its_customer_wishes_for(
    booking: Service, customer: Person
) -> None:
    """B14, B15, E5: for service types with a `direct` step; told to matching with the job."""
    assert (await customer.ordered())["requested_driver_id"] is None
    for driver_id in ("auth0|dana é", "d" * 255):
        job = await customer.ordered(requested_driver_id=driver_id)
        assert job["requested_driver_id"] == driver_id
        assert await customer.sees(job) == job
        [created] = await booking.ear.about(job, 1)
        assert created.job.requested_driver_id == driver_id


@pytest.mark.parametrize("driver_id", ["", "d" * 256, "é" * 128, "nul\0", 7, ["d"]])
async def test_driver_wished_for_by_what_is_no_id_is_refused(customer: Person, driver_id: object) -> None:
    """B15: 1 to 255 bytes, as the `sub` of a token."""
    refused(await customer.orders(requested_driver_id=driver_id), 422, "invalid")


async def test_order_is_in_the_stream_under_its_job_and_customer(booking: Service) -> None:
    """DESIGN 2: subjects say who is concerned, also a customer whose id has dots, stars and spaces."""
    customer = booking.person("user", "auth0|a.b*c> é")
    job = await customer.ordered()
    subject = f"job.created.{job['id']}.{to_token(customer.sub)}._"
    stream = await booking.nc.jetstream().subscribe(subject, stream="DISPATCH", ordered_consumer=True)
    stored = await stream.next_msg(timeout=PATIENCE_S)
    await stream.unsubscribe()
    event = unseal(stored.headers, stored.data).event
    assert isinstance(event, JobCreated)
    assert (event.customer_id, event.driver_id) == (customer.sub, None)
    assert event.job.model_dump(mode="json") == job


async def test_only_customers_order(driver: Person, admin: Person) -> None:
    for person in (driver, admin):
        refused(await person.orders(), 403, "forbidden")


async def test_same_key_and_order_is_the_same_booking(booking: Service, customer: Person) -> None:
    """DESIGN invariant 1: and it is announced once."""
    first = await customer.orders(key="k1")
    again = await customer.orders(key="k1")
    job = answered(first, 201)
    assert answered(again, 201) == job
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    await customer.cancels(job)
    told = await booking.ear.about(job, 2)
    assert [type(event) for event in told] == [JobCreated, JobCancelled]


async def test_same_order_written_differently_is_the_same_order(customer: Person) -> None:
    """The order of keys, 24.5 and 24.50, a null and nothing: none of it is another order."""
    job = answered(await customer.orders(key="k", vehicle_type=None), 201)
    body = (
        b'{"cash_to_collect": 20.00, "total_price": 24.50, "payment_method": "cash", "notes": "Ring twice", \
        "items": {"fragile": true, "boxes": 2}, "service_type": "courier", \
        "dropoff": {"lng": -73.97, "lat": 40.75, "address": "9 Comb Ave"}, \
        "pickup": {"lng": -73.99, "lat": 40.72, "address": "1 Hive St"}}'
    )
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    assert answered(await customer.asks("POST", content=body, headers=headers), 201) == job


def test_order_repeated_after_an_update_is_the_same_order() -> None:
    """A version that knows one more field sees the same in an order that has it not."""

    class Later(Order):
        gift: bool | None = None

    assert Later(**ORDER).fingerprint() == Order(**ORDER).fingerprint()
    assert Later(**ORDER, gift=True).fingerprint() != Order(**ORDER).fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        {"total_price": 24.51},
        {"items": {"boxes": 3}},
        {"pickup": None},
        {"notes": "Do not ring"},
        {"requested_driver_id": "dana"},
    ],
)
async def test_same_key_with_another_order_is_refused(customer: Person, change: dict[str, object]) -> None:
    """Issue 2, bad input: 422, and the first booking is as it was."""
    job = answered(await customer.orders(key="k"), 201)
    refused(await customer.orders(key="k", **change), 422, "idempotency_key_reused")
    assert (await customer.asks("GET")).json()["items"] == [job]


async def test_key_of_another_customer_is_another_key(booking: Service) -> None:
    first, second = booking.person("user"), booking.person("user")
    jobs = [answered(await person.orders(key="shared"), 201) for person in (first, second)]
    assert jobs[0]["id"] != jobs[1]["id"]
    assert [job["customer_id"] for job in jobs] == [first.sub, second.sub]


async def test_order_that_was_refused_leaves_its_key_free(customer: Person) -> None:
    refused(await customer.orders(key="k", total_price=-1), 422, "invalid")
    answered(await customer.orders(key="k"), 201)


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_key_is_between_1_and_255_characters(customer: Person, key: str) -> None:
    refused(await customer.orders(key=key), 422, "invalid")
    answered(await customer.orders(key="k" * 255), 201)
