"""Who may put a booking on a lock screen, and which one."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from contracts.ids import new_id

from .cards import Bookings, ask, change_row, content, register, rows, sent, until

World = Any
TOKEN = "0123456789abcdef" * 10


async def test_only_the_bookings_customer_registers(world: World, bookings: Bookings) -> None:
    """C6: others do not learn that it exists; its driver and admins, who do, have no card of it."""
    job = bookings.add("en_route")
    for sub, role, expected in [
        ("bob", "user", (404, "not_found")),
        ("dan", "pilot", (403, "forbidden")),
        ("root", "admin", (403, "forbidden")),
    ]:
        answer = await ask(world, job, TOKEN, sub, role)
        assert (answer.status_code, answer.json()["code"]) == expected, role
    unknown = await ask(world, uuid4(), TOKEN)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert await rows(world) == []


async def test_a_registration_is_answered_with_the_card(world: World, bookings: Bookings) -> None:
    """A10: however the token's letters are written; the app is the customers' when not named."""
    job = bookings.add()
    answer = await ask(world, job, TOKEN.upper())
    assert answer.status_code == 200
    assert {key: value for key, value in answer.json().items() if key != "registered_at"} == {
        "token": TOKEN,
        "booking_id": str(job.id),
        "app": "app.waggle.customer",
        "environment": "production",
    }


async def test_while_booking_is_away_nobody_registers(world: World) -> None:
    answer = await ask(world, uuid4(), TOKEN)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("status", "ago"), [("completed", 0), ("cancelled", 0), ("unfulfilled", 16)], ids=str
)
async def test_a_booking_that_is_over_is_refused(
    world: World, bookings: Bookings, status: str, ago: int
) -> None:
    """Nothing more would come. One without a driver is over when it was left so."""
    job = bookings.add(status, updated_at=datetime.now(UTC) - timedelta(minutes=ago))
    answer = await ask(world, job, TOKEN)
    assert (answer.status_code, answer.json()["code"]) == (409, "booking_over")
    assert await rows(world) == []


async def test_a_bad_registration_gets_a_clear_answer(world: World, bookings: Bookings) -> None:
    job = bookings.add()
    for token, body, code in [
        ("not-a-token", {}, "invalid_device_token"),
        ("ab" * 600, {}, "invalid_device_token"),
        (TOKEN, {"app": "app.waggle.driver"}, "unknown_app"),
        (TOKEN, {"environment": "test"}, "invalid"),
        (TOKEN, {"booking_id": "nope"}, "invalid"),
    ]:
        answer = await ask(world, job, token, **body)
        assert (answer.status_code, answer.json()["code"]) == (422, code), body
    path = f"/v1/devices/live-activities/{TOKEN}"
    for method in ("PUT", "DELETE"):
        answer = await world.http.request(method, path, json={"booking_id": str(job.id)})
        assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")


async def test_a_token_is_one_bookings_the_last_one_it_was_registered_for(
    world: World, bookings: Bookings
) -> None:
    """A10: also when that is another customer's; the phone never goes back in time."""
    first, second = bookings.add("accepted"), bookings.add("accepted", customer="bob")
    token = await register(world, first)
    await sent(world, token)
    await change_row(world, token, "stamp = stamp + 1000")
    [before] = await rows(world, token=token)
    witness = await register(world, first)
    await register(world, second, token, sub="bob")
    [row] = await rows(world, token=token)
    assert (row.user_id, row.job_id) == ("bob", second.id)
    assert row.stamp > before.stamp
    await world.happens(bookings.step(first, "en_route"))
    await until(world, witness, "en_route")
    await world.happens(bookings.step(second, "en_route"))
    await until(world, token, "en_route")
    told = [content(push)["jobId"] for push in world.apns.pushes(token)]
    assert told == [str(first.id), str(second.id), str(second.id)]


async def test_a_card_is_taken_off_by_its_customer_alone(world: World, bookings: Bookings) -> None:
    job = bookings.add("accepted")
    token, witness = await register(world, job), await register(world, job)
    path = f"/v1/devices/live-activities/{token}"
    theft = await world.http.delete(path, headers=world.auth("bob"))
    assert (theft.status_code, theft.json()["code"]) == (404, "not_found")
    assert (await world.http.delete(path, headers=world.auth("ann"))).status_code == 204
    assert (await world.http.delete(path, headers=world.auth("ann"))).status_code == 404
    await world.happens(bookings.step(job, "en_route"))
    await until(world, witness, "en_route")
    assert len(world.apns.pushes(token)) == 1


async def test_a_booking_has_at_most_four_cards_the_last_ones(world: World, bookings: Bookings) -> None:
    job = bookings.add()
    tokens = [new_id().hex * 5 for _ in range(6)]
    for token in tokens:
        await register(world, job, token)
    assert [row.token for row in await rows(world, job_id=job.id)] == tokens[2:]
