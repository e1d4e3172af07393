"""Phones that are gone, and those that only seem to be (A10)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apns_standin import Script
from contracts.events import SearchTimedOut
from contracts.ids import new_id

World = Any


def news(customer: str) -> SearchTimedOut:
    return SearchTimedOut(job_id=new_id(), customer_id=customer, search_id=new_id(), attempt=1, tried=0)


def milliseconds(ago: float) -> int:
    return int((datetime.now(UTC) - timedelta(seconds=ago)).timestamp() * 1000)


@pytest.mark.parametrize(
    "reason", ["Unregistered", "ExpiredToken", "BadDeviceToken", "DeviceTokenNotForTopic"]
)
async def test_a_device_that_apns_calls_dead_is_removed(world: World, reason: str) -> None:
    """A10"""
    token = await world.register("user")
    world.apns.script(token, Script(reason=reason))
    await world.happens(news("user"))
    row = await world.settled(token, "failed")
    assert row.last_reason.endswith(reason)
    assert await world.devices("user") == []
    await world.happens(news("user"))
    await world.told("user", 2)
    assert len(await world.deliveries(token)) == 1


async def test_a_device_registered_again_after_its_death_stays(world: World) -> None:
    """A10: APNs names the time since when the token was dead; the registration is younger."""
    token = await world.register("user")
    world.apns.script(token, Script(reason="Unregistered", timestamp_ms=milliseconds(ago=60)))
    await world.happens(news("user"))
    await world.settled(token, "failed")
    assert await world.devices("user") == [token]


async def test_a_device_registered_again_while_apns_was_asked_stays(world: World) -> None:
    """A10: BadDeviceToken comes without a time; then the time of asking counts."""
    token = await world.register("user")
    world.apns.script(token, Script(reason="BadDeviceToken", hang_s=0.3))
    await world.happens(news("user"))
    await world.apns.next_push(token)
    await world.register("user", token=token)
    await world.settled(token, "failed")
    assert await world.devices("user") == [token]


async def test_a_push_on_its_way_does_not_follow_the_token_to_its_new_user(world: World) -> None:
    """A10: what was meant for the old user is not shown to the new one."""
    token = await world.register("old")
    world.apns.script(token, Script(reason="ServiceUnavailable", times=1))
    await world.happens(news("old"))
    await world.apns.next_push(token)
    await world.register("new", token=token)
    row = await world.settled(token, "dropped")
    assert row.last_reason == "device not registered"
    assert len(world.apns.pushes(token)) == 1


async def test_a_push_that_waits_for_an_unregistered_phone_is_dropped(world: World) -> None:
    """A10"""
    token = await world.register("ann")
    world.apns.script(token, Script(reason="ServiceUnavailable"))
    await world.happens(news("ann"))
    await world.apns.next_push(token)
    await world.http.delete(f"/v1/devices/{token}", headers=world.auth("ann"))
    row = await world.settled(token, "dropped")
    assert row.last_reason == "device not registered"
