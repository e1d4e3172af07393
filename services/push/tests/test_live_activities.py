"""A customer's trip on the lock screen, from the bus to the phone, over real HTTP/2."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .cards import (
    Bookings,
    aps,
    change_row,
    content,
    drive_until_shown,
    eventually,
    gone,
    register,
    rows,
    sent,
    shown,
    stamps,
    until,
)

World = Any
TOPIC = "app.waggle.customer.push-type.liveactivity"


async def test_the_present_state_is_shown_at_once(world: World, bookings: Bookings) -> None:
    """C12: with Apple's headers, at the priority of what is urgent."""
    job = bookings.add("accepted")
    token = await register(world, job)
    [push] = await shown(world, token, 1)
    [row] = await rows(world, token=token)
    assert push.headers == {
        "apns-id": push.apns_id,
        "apns-topic": TOPIC,
        "apns-push-type": "liveactivity",
        "apns-priority": "10",
        "apns-expiration": str(int(row.expires_at.timestamp())),
    }
    assert push.status == 200
    state = aps(push)
    assert state["stale-date"] - state["timestamp"] in (119, 120, 121)
    assert {key: value for key, value in state.items() if key not in ("timestamp", "stale-date")} == {
        "event": "update",
        "content-state": {
            "jobId": str(job.id),
            "status": "accepted",
            "driverName": "Dan",
            "driverVehicle": "van",
        },
    }


async def test_every_step_is_shown_on_each_card_of_the_booking(world: World, bookings: Bookings) -> None:
    """C12: in order, each newer than the last by the phone's own rule."""
    job = bookings.add()
    tokens = [await register(world, job) for _ in range(2)]
    steps = ["accepted", "en_route", "arrived", "in_progress", "completed"]
    for status in steps:
        await world.happens(bookings.step(job, status))
        for token in tokens:
            await until(world, token, status)
    for token in tokens:
        pushes = world.apns.pushes(token)
        assert [content(push)["status"] for push in pushes] == ["pending", *steps]
        assert stamps(pushes) == sorted(set(stamps(pushes)))
        assert {push.headers["apns-priority"] for push in pushes} == {"10"}


async def test_the_drivers_position_is_shown_at_low_priority(world: World, bookings: Bookings) -> None:
    """C3: Apple counts updates of high priority, and a position is not worth one."""
    job = bookings.add("en_route")
    token = await register(world, job)
    push = await drive_until_shown(world, job, token, lat=40.75)
    assert push.headers["apns-priority"] == "5"
    state = content(push)
    assert (state["status"], state["driverHeading"], state["driverLng"]) == ("en_route", 90, -74)
    assert isinstance(state["positionAt"], int)
    await world.happens(bookings.step(job, "arrived"))
    assert content(await until(world, token, "arrived"))["driverLat"] == 40.75


@pytest.mark.parametrize("status", ["completed", "cancelled"])
async def test_a_booking_that_is_over_ends_the_card(world: World, bookings: Bookings, status: str) -> None:
    """C12, B11: its last state stays for a quarter of an hour; we forget it once APNs has taken that."""
    job = bookings.add("in_progress")
    token = await register(world, job)
    event = bookings.step(job, status)
    await world.happens(event)
    push = await until(world, token, status)
    end = aps(push)
    assert end["event"] == "end"
    assert end["dismissal-date"] == int((event.job.updated_at + timedelta(minutes=15)).timestamp())
    assert "stale-date" not in end
    await gone(world, token)


async def test_a_booking_without_a_driver_can_still_find_one(world: World, bookings: Bookings) -> None:
    """B8, B10: an ended card could not show the customer's next search."""
    job = bookings.add()
    token = await register(world, job)
    for status in ("unfulfilled", "pending", "accepted"):
        await world.happens(bookings.step(job, status))
        assert aps(await until(world, token, status))["event"] == "update"


async def test_a_booking_that_stays_without_a_driver_ends_the_card(world: World, bookings: Bookings) -> None:
    """B8: a quarter of an hour later, and it goes at once."""
    job = bookings.add("unfulfilled")
    token = await register(world, job)
    end = job.updated_at + timedelta(minutes=15)
    await eventually(world, token, lambda row: row.next_at == end)
    await change_row(world, token, "changed_at = now() - interval '15 minutes', next_at = now()")
    _, push = await shown(world, token, 2)
    assert aps(push)["event"] == "end"
    assert aps(push)["dismissal-date"] <= aps(push)["timestamp"]
    await gone(world, token)


async def test_what_happens_during_the_registration_is_shown(world: World, bookings: Bookings) -> None:
    """C12: the event came before there was a card; the answer that made the card was older."""
    job = bookings.add("accepted")

    async def moves_on() -> None:
        bookings.step(job, "en_route")

    bookings.meanwhile = moves_on
    token = await register(world, job)
    await until(world, token, "en_route")


async def test_a_state_that_comes_late_is_not_shown(world: World, bookings: Bookings) -> None:
    """C12: a swept event after its successor must not turn the card back."""
    job = bookings.add("accepted")
    token = await register(world, job)
    late, newer = bookings.step(job, "en_route"), bookings.step(job, "arrived")
    await world.happens(newer)
    await until(world, token, "arrived")
    await world.happens(late)
    await world.happens(bookings.step(job, "in_progress"))
    await until(world, token, "in_progress")
    told = [content(push)["status"] for push in world.apns.pushes(token)]
    assert told == ["accepted", "arrived", "in_progress"]


async def test_a_card_is_not_sent_again_without_news(world: World, bookings: Bookings) -> None:
    job = bookings.add("accepted")
    token = await register(world, job)
    row = await sent(world, token)
    assert (row.next_at, row.failures) == (None, 0)


async def test_a_token_of_the_sandbox_stays_there(world: World, bookings: Bookings) -> None:
    """A10: here it has no host, so nothing is sent, and nothing is tried again."""
    job = bookings.add("accepted")
    token = "ab" * 80
    path, headers = f"/v1/devices/live-activities/{token}", world.auth("ann")
    body = {"booking_id": str(job.id), "environment": "sandbox"}
    assert (await world.http.put(path, json=body, headers=headers)).status_code == 200
    await sent(world, token)
    assert world.apns.pushes(token) == []


async def test_a_card_without_news_is_forgotten_after_eight_hours(stopped: World, bookings: Bookings) -> None:
    """Apple: by then iOS has ended it."""
    await stopped.start()
    job = bookings.add("accepted")
    old, young = await register(stopped, job), await register(stopped, job)
    [row] = await rows(stopped, token=old)
    assert row.expires_at - row.registered_at == timedelta(hours=8)
    await stopped.stop()
    await change_row(stopped, old, f"expires_at = '{datetime.now(UTC).isoformat()}'")
    await stopped.start()
    await gone(stopped, old)
    assert len(await rows(stopped, token=young)) == 1
