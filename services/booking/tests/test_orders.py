"""Ordering, and ordering again with the same Idempotency-Key."""

import asyncio
from uuid import uuid4

import pytest

from booking.usecases import Order
from contracts.events import JobCancelled, JobCreated
from contracts.ids import to_token
from wire.envelope import unseal

from .holding import holding
from .people import ORDER, Person, Service, answered, refused


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


async def test_order_is_in_the_stream_under_its_job_and_customer(booking: Service) -> None:
    """DESIGN 2: subjects say who is concerned, also a customer whose id has dots, stars and spaces."""
    customer = booking.person("user", "auth0|a.b*c> é")
    job = await customer.ordered()
    await booking.ear.about(job, 1)
    subject = f"job.created.{job['id']}.{to_token(customer.sub)}._"
    stored = await booking.nc.jetstream().get_last_msg("DISPATCH", subject)
    event = unseal(stored.headers, stored.data or b"").event
    assert isinstance(event, JobCreated)
    assert (event.customer_id, event.driver_id) == (customer.sub, None)
    assert event.job.model_dump(mode="json") == job


async def test_only_customers_order(driver: Person, admin: Person) -> None:
    for person in (driver, admin):
        refused(await person.orders(), 403, "forbidden")


async def test_service_type_that_nobody_dispatches_is_refused(customer: Person) -> None:
    refused(await customer.orders(service_type="teleport"), 422, "unknown_service_type")


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
    "change", [{"total_price": 24.51}, {"items": {"boxes": 3}}, {"pickup": None}, {"notes": "Do not ring"}]
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


async def test_twenty_copies_of_an_order_at_once_make_one_booking(booking: Service, customer: Person) -> None:
    """DESIGN invariant 1. All twenty stand at the claimed key when the claim is given up."""
    claim = "INSERT INTO idempotency VALUES ($1, 'k', 'another order', $2, now())"
    async with holding(booking.database_url, claim, customer.sub, uuid4()) as queued:
        orders = [asyncio.create_task(customer.orders(key="k")) for _ in range(20)]
        await queued(20)
    answers = await asyncio.gather(*orders)
    job = answered(answers[0], 201)
    assert [answered(answer, 201) for answer in answers] == [job] * 20
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 19
    assert (await customer.asks("GET")).json()["items"] == [job]
    await customer.cancels(job)
    await booking.ear.about(job, 2)
    mine = [event for _, event in booking.ear.said if event.customer_id == customer.sub]
    assert [type(event) for event in mine] == [JobCreated, JobCancelled]
