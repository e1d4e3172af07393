import asyncio
import json
import math
import time
from typing import Any

import h3
import pytest
from nats.aio.client import Client

from contracts.events import DriverLocated, DriverState, JobTracked
from contracts.models import JobStatus
from contracts.requests import ActiveJob, DriverView
from contracts.subjects import recorded_track

from . import made
from .conftest import Dial, Mark, Publish
from .neighbours import Neighbours

pytestmark = pytest.mark.usefixtures("neighbours")

HERE = {"lat": 40.75, "lng": -73.99, "heading": 90, "speed": 8.5}


async def test_a_position_is_published_under_its_region_and_driver(dial: Dial, nc: Client) -> None:
    """C3: core NATS, `driver.location.<cell>.<driver>`; ids made safe."""
    heard = await nc.subscribe("driver.location.*.dan=2El1")
    await nc.flush()
    dan = await dial("dan.l1", "pilot")
    assert await dan.ask("pilot:location", HERE) == {"ok": True}
    message = await heard.next_msg(timeout=60)
    cell = h3.latlng_to_cell(40.75, -73.99, 4)
    assert message.subject == f"driver.location.{cell}.dan=2El1"
    located = DriverLocated.model_validate_json(message.data)
    assert (located.driver_id, located.lat, located.lng) == ("dan.l1", 40.75, -73.99)
    assert (located.heading, located.speed) == (90, 8.5)
    await heard.unsubscribe()


async def test_one_position_a_second_is_used_and_the_rest_are_dropped(dial: Dial, nc: Client) -> None:
    """C3: a driver, not a socket, has one a second."""
    heard = await nc.subscribe("driver.location.*.dan-l2")
    await nc.flush()
    phones = [await dial("dan-l2", "pilot") for _ in range(2)]
    started = time.monotonic()
    acks = [await phone.ask("pilot:location", {**HERE, "speed": n}) for n in range(5) for phone in phones]
    used = acks.count({"ok": True})
    assert acks[0] == {"ok": True}
    assert acks.count({"ok": True, "dropped": True}) == 10 - used
    assert used <= 1 + time.monotonic() - started
    await asyncio.sleep(1)  # the second that has to pass
    assert await phones[0].ask("pilot:location", {**HERE, "speed": 77}) == {"ok": True}
    speeds = [json.loads((await heard.next_msg(timeout=60)).data)["speed"] for _ in range(used + 1)]
    assert (speeds[0], speeds[-1]) == (0, 77)
    await heard.unsubscribe()


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"lat": 40.75},
        {**HERE, "lat": 90.1},
        {**HERE, "lng": -180.5},
        {**HERE, "lat": "40.75"},
        {**HERE, "lat": True},
        {**HERE, "lat": None},
        {**HERE, "lat": math.nan},
        {**HERE, "lng": math.inf},
        {**HERE, "heading": 361},
        {**HERE, "heading": "north"},
        {**HERE, "speed": -2},
        {**HERE, "speed": math.nan},
        {**HERE, "lat": 10**90},
    ],
)
async def test_a_position_that_is_none_is_refused(dial: Dial, nc: Client, bad: dict[str, Any]) -> None:
    """C3: range, NaN, texts; and it does not use up the second."""
    dan = await dial("dan-l3", "pilot")
    assert (await dan.ask("pilot:location", bad))["error"]["code"] == "invalid"
    assert "dropped" not in await dan.ask("pilot:location", HERE)
    await dan.hang_up()


async def test_unknown_heading_and_speed_as_ios_sends_them_are_left_out(dial: Dial, nc: Client) -> None:
    """C3"""
    heard = await nc.subscribe("driver.location.*.dan-l4")
    await nc.flush()
    dan = await dial("dan-l4", "pilot")
    await dan.say("pilot:location", {"lat": 1, "lng": 2, "heading": -1, "speed": -1.0})
    body = json.loads((await heard.next_msg(timeout=60)).data)
    assert (body["heading"], body["speed"]) == (None, None)
    await heard.unsubscribe()


async def test_with_a_job_the_position_goes_to_the_room_and_into_the_history(
    dial: Dial, nc: Client, neighbours: Neighbours, publish: Publish, mark: Mark
) -> None:
    """C3, C11: from the assignment until the job is over."""
    ann, dan = await dial("ann-l5", "user"), await dial("dan-l5", "pilot")
    job = neighbours.add(made.job("ann-l5"))
    history = await nc.subscribe(recorded_track(job.id))
    assert (await ann.ask("booking:subscribe", {"bookingId": str(job.id)}))["ok"]
    await publish(made.assigned(job, "dan-l5"))
    await mark(**{"dan-l5": dan})
    assert await dan.ask("pilot:location", HERE) == {"ok": True}
    update = await ann.next("location:update")
    assert set(update) == {"bookingId", "lat", "lng", "heading", "speed", "timestamp"}
    assert update["bookingId"] == str(job.id)
    assert (update["lat"], update["lng"], update["heading"], update["speed"]) == (40.75, -73.99, 90, 8.5)
    kept = JobTracked.model_validate_json((await history.next_msg(timeout=60)).data)
    assert (kept.job_id, kept.driver_id, kept.lat) == (job.id, "dan-l5", 40.75)
    stored = await nc.jetstream().get_last_msg("TRACKING", recorded_track(job.id))
    assert JobTracked.model_validate_json(stored.data or b"") == kept

    await publish(made.status(job.model_copy(update={"status": JobStatus.completed, "version": 5}), "dan-l5"))
    await mark(**{"dan-l5": dan})
    await asyncio.sleep(1)  # the second that has to pass
    assert await dan.ask("pilot:location", HERE) == {"ok": True}
    await mark(**{"ann-l5": ann})
    assert ann.names().count("location:update") == 1
    assert history.pending_msgs == 0
    await history.unsubscribe()


async def test_a_driver_that_comes_back_has_its_job_and_is_online_without_asking(
    dial: Dial, nc: Client, neighbours: Neighbours, publish: Publish
) -> None:
    """C7, C3, A7: matching is asked who it is."""
    job = made.job("ann-l6")
    neighbours.drivers["dan-l6"] = DriverView(
        driver_id="dan-l6",
        state=DriverState.busy,
        approved=True,
        active_job=ActiveJob(job_id=job.id, customer_id="ann-l6"),
    )
    tracks = await nc.subscribe(recorded_track(job.id))
    await nc.flush()
    dan = await dial("dan-l6", "pilot")
    async with asyncio.timeout(60):
        while True:
            await dan.ask("pilot:location", HERE)
            if tracks.pending_msgs:
                break
            await asyncio.sleep(0.1)
    await publish(made.feed_closed(job, "other"))
    await dan.next("job:accepted")
    await tracks.unsubscribe()
