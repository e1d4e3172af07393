"""From an event on the bus to an Android phone, over real HTTP/2."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contracts.ids import new_id
from fcm_standin import Script, Standin, standin

from .events import assigned, job, offered

World = Any


@pytest.fixture
async def google(tmp_path: Path) -> AsyncIterator[Standin]:
    async with standin(tmp_path) as running:
        yield running


@pytest.fixture
async def world(stopped: World, google: Standin) -> World:
    """Push with an account at Google as well as at Apple."""
    await stopped.start(
        fcm_project_id=google.project,
        fcm_service_account_file=google.service_account_file,
        fcm_url=google.url,
        fcm_ca_file=google.ca_file,
    )
    return stopped


async def register(world: World, user: str, role: str = "user") -> str:
    token = f"registration-{new_id().hex * 4}"
    return str(await world.register(user, role, token, platform="android"))


async def test_a_job_reaches_the_drivers_phones_whoever_made_them(world: World, google: Standin) -> None:
    """A2: title, body and data are the same; each maker's service is asked about its own phones only."""
    android, iphone = await register(world, "dan", "pilot"), await world.register("dan", "pilot")
    await world.happens(offered(job()))
    push, other = await google.next_push(android, timeout_s=60), await world.apns.next_push(iphone)
    assert (push.title, push.body) == (other.title, other.body) == ("New Job Nearby", "12 Main St - $46")
    assert push.message
    assert push.message["data"] == {key: value for key, value in other.payload.items() if key != "aps"}
    row = await world.settled(android, "sent")
    assert (push.status, row.attempts) == (200, 1)
    assert (len(google.pushes()), len(world.apns.pushes())) == (1, 1)


async def test_the_assignment_reaches_the_customers_android_phone(world: World, google: Standin) -> None:
    """A6"""
    token, event = await register(world, "ann"), assigned(job())
    await world.happens(event)
    push = await google.next_push(token, timeout_s=60)
    assert push.title == "Driver Assigned"
    assert push.message
    assert push.message["android"]["notification"]["tag"] == str(event.job_id)


@pytest.mark.parametrize(
    "script",
    [
        Script(error="UNREGISTERED"),
        Script(error="SENDER_ID_MISMATCH"),
        Script(error="INVALID_ARGUMENT", field="message.token"),
    ],
    ids=["unregistered", "mismatch", "invalid"],
)
async def test_a_device_that_google_calls_dead_is_removed(
    world: World, google: Standin, script: Script
) -> None:
    """A10"""
    token = await register(world, "ann")
    google.script(token, script)
    await world.happens(assigned(job()))
    await world.settled(token, "failed")
    assert await world.devices("ann") == []


async def test_a_device_registered_again_while_google_was_asked_stays(world: World, google: Standin) -> None:
    """A10: Google never says since when a token has been dead; then the time of asking counts."""
    token = await register(world, "ann")
    google.script(token, Script(error="UNREGISTERED", hang_s=0.5))
    await world.happens(assigned(job()))
    await google.next_push(token, timeout_s=60)
    await world.register("ann", token=token, platform="android")
    await world.settled(token, "failed")
    assert await world.devices("ann") == [token]


async def test_google_is_not_asked_again_before_the_time_it_named(world: World, google: Standin) -> None:
    token = await register(world, "ann")
    google.script(token, Script(error="QUOTA_EXCEEDED", retry_after_s=3, times=1))
    await world.happens(assigned(job()))
    row = await world.settled(token, "sent")
    refused, taken = google.pushes(token)
    assert row.attempts == 2
    assert taken.received_at - refused.received_at >= 3
