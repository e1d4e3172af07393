"""Cards when APNs, a process or the order of things is in trouble: the newest state wins, nobody waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apns_standin import Script
from contracts.events import SearchTimedOut
from contracts.ids import new_id
from push.main import main
from stack.ports import Reservation
from stack.ready import http_ok

from .cards import (
    Bookings,
    aps,
    change_row,
    content,
    drive_until_shown,
    eventually,
    gone,
    let_move,
    register,
    sent,
    stamps,
    until,
)
from .processes import spawned

World = Any


async def test_a_status_overtakes_a_position_under_way(stopped: World, bookings: Bookings) -> None:
    """C12: the phone sorts them by their timestamps, so that the position may come later, or never."""
    await stopped.start(push_timeout_seconds=60, drain_seconds=0.5)
    job = bookings.add("en_route")
    token = await register(stopped, job)
    await sent(stopped, token)
    stopped.apns.script(token, Script(hang_s=60, times=1))
    position = await drive_until_shown(stopped, job, token, lat=40.75)
    await stopped.happens(bookings.step(job, "arrived"))
    status = await until(stopped, token, "arrived")
    assert position.hang_s == 60
    assert stamps([status]) > stamps([position])


async def test_positions_that_hang_hold_up_nobody_elses_status(stopped: World, bookings: Bookings) -> None:
    """C12: every place for positions is taken."""
    await stopped.start(live_activity_concurrency=1, push_timeout_seconds=60, drain_seconds=0.5)
    slow, well = bookings.add("en_route"), bookings.add("en_route")
    hanging, token = await register(stopped, slow), await register(stopped, well)
    await sent(stopped, hanging)
    stopped.apns.script(hanging, Script(hang_s=60))
    await drive_until_shown(stopped, slow, hanging, lat=40.75)
    await stopped.happens(bookings.step(well, "arrived"))
    await until(stopped, token, "arrived")


async def test_cards_that_hang_hold_up_no_notification(stopped: World, bookings: Bookings) -> None:
    """A11: an offer is worth more than a card; it has places of its own, and so have its events."""
    await stopped.start(live_activity_concurrency=1, push_timeout_seconds=60, drain_seconds=0.5)
    job, device = bookings.add("accepted"), await stopped.register("bob")
    token = await register(stopped, job)
    await sent(stopped, token)
    stopped.apns.script(token, Script(hang_s=60))
    await stopped.happens(bookings.step(job, "en_route"))
    await until(stopped, token, "en_route")
    news = SearchTimedOut(job_id=new_id(), customer_id="bob", search_id=new_id(), attempt=1, tried=0)
    await stopped.happens(news)
    assert (await stopped.apns.next_push(device, timeout_s=60)).title == "No Driver Found"


async def test_a_retry_sends_what_is_so_by_then(world: World, bookings: Bookings) -> None:
    """C3: the state that APNs did not take, and the position that came since, in one."""
    job = bookings.add("accepted")
    token = await register(world, job)
    await drive_until_shown(world, job, token, lat=40.5)
    await sent(world, token)
    world.apns.script(token, Script(reason="ServiceUnavailable"))
    await world.happens(bookings.step(job, "en_route"))
    failed = await until(world, token, "en_route")
    assert (failed.status, content(failed)["driverLat"]) == (503, 40.5)
    await let_move(world, token)
    push = await drive_until_shown(world, job, token, lat=40.75)
    assert (push.status, content(push)["status"]) == (503, "en_route")
    world.apns.script(token)
    row = await sent(world, token)
    last = world.apns.pushes(token)[-1]
    assert (last.status, content(last)["driverLat"], last.headers["apns-priority"]) == (200, 40.75, "10")
    assert (row.failures, row.next_at) == (0, None)


async def test_a_new_status_does_not_wait_for_the_retry_of_the_last(world: World, bookings: Bookings) -> None:
    """C12"""
    job = bookings.add("accepted")
    token = await register(world, job)
    await sent(world, token)
    world.apns.script(token, Script(reason="TooManyRequests", times=1))
    await world.happens(bookings.step(job, "en_route"))
    await eventually(world, token, lambda row: row.failures == 1)
    await change_row(world, token, "next_at = next_at + interval '1 hour'")
    await world.happens(bookings.step(job, "arrived"))
    await until(world, token, "arrived")
    row = await sent(world, token)
    assert (row.failures, row.next_at) == (0, None)


@pytest.mark.parametrize(
    "reason", ["Unregistered", "ExpiredToken", "BadDeviceToken", "DeviceTokenNotForTopic"]
)
async def test_a_card_that_apns_calls_dead_is_forgotten(
    world: World, bookings: Bookings, reason: str
) -> None:
    """A10: the customer took it off the screen, say; the phone itself stays registered."""
    job, device = bookings.add("accepted"), await world.register("ann")
    token = await register(world, job)
    await sent(world, token)
    world.apns.script(token, Script(reason=reason))
    await world.happens(bookings.step(job, "en_route"))
    await gone(world, token)
    assert await world.devices("ann") == [device]


async def test_a_card_registered_after_its_death_stays(world: World, bookings: Bookings) -> None:
    """A10: APNs names the time since when the token was dead; the registration is younger."""
    job = bookings.add("accepted")
    token = await register(world, job)
    await sent(world, token)
    since = int((datetime.now(UTC) - timedelta(minutes=1)).timestamp() * 1000)
    world.apns.script(token, Script(reason="Unregistered", timestamp_ms=since, times=1))
    await world.happens(bookings.step(job, "en_route"))
    await sent(world, token)
    await world.happens(bookings.step(job, "arrived"))
    await until(world, token, "arrived")


async def test_what_apns_will_never_take_is_not_sent_again(world: World, bookings: Bookings) -> None:
    job = bookings.add("accepted")
    token = await register(world, job)
    await sent(world, token)
    world.apns.script(token, Script(reason="PayloadTooLarge", times=1))
    await world.happens(bookings.step(job, "en_route"))
    await until(world, token, "en_route")
    assert (await sent(world, token)).next_at is None
    await world.happens(bookings.step(job, "arrived"))
    await until(world, token, "arrived")
    told = [(content(push)["status"], push.status) for push in world.apns.pushes(token)]
    assert told == [("accepted", 200), ("en_route", 413), ("arrived", 200)]


async def test_an_end_that_is_not_taken_is_tried_again(world: World, bookings: Bookings) -> None:
    """C12"""
    job = bookings.add("in_progress")
    token = await register(world, job)
    await sent(world, token)
    world.apns.script(token, Script(reason="InternalServerError", times=1))
    await world.happens(bookings.step(job, "completed"))
    await gone(world, token)
    _, refused, taken = world.apns.pushes(token)
    assert [aps(push)["event"] for push in (refused, taken)] == ["end", "end"]
    assert stamps([taken]) > stamps([refused])


async def test_a_killed_service_sends_the_state_again_after_its_restart(
    stopped: World, bookings: Bookings
) -> None:
    """A11, B13: kill -9 between sending and writing back; the copy is newer, by the phone's rule."""
    settings: dict[str, Any] = {"push_timeout_seconds": 1.0}
    process = await spawned(stopped, **settings)
    try:
        job = bookings.add("accepted")
        token = await register(stopped, job)
        await sent(stopped, token)
        stopped.apns.script(token, Script(hang_s=60, times=1))
        await stopped.happens(bookings.step(job, "en_route"))
        first = await until(stopped, token, "en_route")
    finally:
        process.kill()
        await process.wait()
    await stopped.start(**settings)
    copy = await stopped.apns.next_push(token, after=first.seq, timeout_s=60)
    assert content(copy) == content(first)
    assert stamps([copy]) > stamps([first])
    await sent(stopped, token)
    assert len(stopped.apns.pushes(token)) == 3


async def test_of_two_replicas_one_sends(stopped: World, bookings: Bookings) -> None:
    """C3, C12: each status and each position once, whoever registered the card."""
    changes = {"live_activity_position_seconds": 3600, "live_activity_refresh_seconds": 0.1}
    await stopped.start(**changes)
    async with replica(stopped, **changes):
        job = bookings.add("accepted")
        token = await register(stopped, job)
        for status, lat in [("en_route", 40.1), ("arrived", 40.2), ("in_progress", 40.3)]:
            await stopped.happens(bookings.step(job, status))
            await until(stopped, token, status)
            await let_move(stopped, token)
            await drive_until_shown(stopped, job, token, lat)
        await stopped.happens(bookings.step(job, "completed"))
        await gone(stopped, token)
    pushes = stopped.apns.pushes(token)
    assert stamps(pushes) == sorted(set(stamps(pushes)))
    assert [(content(push)["status"], content(push).get("driverLat")) for push in pushes] == [
        ("accepted", None),
        ("en_route", None),
        ("en_route", 40.1),
        ("arrived", 40.1),
        ("arrived", 40.2),
        ("in_progress", 40.2),
        ("in_progress", 40.3),
        ("completed", 40.3),
    ]


@asynccontextmanager
async def replica(world: World, **changes: Any) -> AsyncIterator[None]:
    """Another one of push, on the same database."""
    reservation = Reservation()
    port = reservation.port()
    running = asyncio.create_task(main(world.settings(http_port=port, **changes)))
    try:
        await http_ok(f"http://127.0.0.1:{port}/readyz")
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        reservation.release()
