"""Who was told of a job, on which devices, and how that went (A12)."""

import json
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from apns_standin import Script
from contracts.explained import JobPushes, NotificationView
from contracts.ids import new_id
from contracts.models import JobStatus
from contracts.requests import ViewPushes
from push.told import DEVICES_SHOWN, JOB, LARGEST_ANSWER, SHOWN
from wire.rpc import request

from .events import failed, job, moved, offered

World = Any


async def asks(world: World, job_id: UUID, driver_id: str | None = None) -> JobPushes:
    return await request(world.nc, ViewPushes(job_id=job_id, driver_id=driver_id))


async def only(world: World, job_id: UUID) -> NotificationView:
    (one,) = (await asks(world, job_id)).notifications
    return one


async def test_whoever_was_told_is_named_with_each_device_and_whoever_has_none_with_that(
    world: World,
) -> None:
    """A12: a phone that got it, and a driver without one; newest first, and nothing of other jobs."""
    ordered = job()
    token = await world.register("dan", "pilot")
    event, another = offered(ordered, "dan"), offered(ordered, "eve")
    for happens in (event, offered(job(), "dan")):
        await world.happens(happens)
    await world.settled(token, "sent", "sent")
    await world.happens(another)
    await world.told("eve")
    answer = await asks(world, ordered.id)
    eve, dan = answer.notifications
    assert (answer.job_id, answer.left_out) == (ordered.id, 0)
    assert (eve.user_id, eve.kind, eve.offer_id) == ("eve", "new_job", another.offer_id)
    assert (eve.gate, eve.devices) == ("no_device", [])
    assert (dan.user_id, dan.kind, dan.offer_id) == ("dan", "new_job", event.offer_id)
    (device,) = dan.devices
    assert (dan.gate, device.platform, device.state) == (None, "ios", "sent")
    assert (device.reason, device.attempts) == (None, 1)
    assert device.sent_at
    assert device.sent_at >= dan.created_at


async def test_a_push_that_failed_says_why_though_the_device_is_gone_since(world: World) -> None:
    """A12, A10"""
    ordered, token = job(), await world.register("dan", "pilot")
    world.apns.script(token, Script(reason="BadDeviceToken"))
    await world.happens(offered(ordered, exclusive=True))
    await world.settled(token, "failed")
    assert await world.devices("dan") == []
    one = await only(world, ordered.id)
    (device,) = one.devices
    assert (one.kind, one.gate, device.platform, device.state) == ("offer", None, "ios", "failed")
    assert device.reason == "400 BadDeviceToken"
    assert device.sent_at is None


async def test_a_device_that_no_account_reaches_is_dropped_and_says_so(world: World) -> None:
    """A12: this deployment has no account with Google."""
    ordered, token = job(), await world.register("dan", "pilot", "f" * 40, platform="android")
    await world.happens(offered(ordered))
    await world.settled(token, "dropped")
    (device,) = (await only(world, ordered.id)).devices
    assert (device.platform, device.state, device.reason) == ("android", "dropped", "fcm not configured")


async def test_a_token_is_never_told(world: World) -> None:
    """Its last four characters tell a user's devices apart, and are nothing to push with."""
    ordered = job()
    tokens = [await world.register("dan", "pilot") for _ in range(2)]
    await world.happens(offered(ordered))
    for token in tokens:
        await world.settled(token, "sent")
    answer = await asks(world, ordered.id)
    (one,) = answer.notifications
    assert {device.token_end for device in one.devices} == {token[-4:] for token in tokens}
    assert not [token for token in tokens if token[-5:] in answer.model_dump_json()]


async def test_the_customers_news_is_told_too_and_one_drivers_alone_on_request(world: World) -> None:
    """A12: `offer_id` only of offers."""
    ordered = job()
    for event in (offered(ordered, "dan"), offered(ordered, "eve"), failed(ordered)):
        await world.happens(event)
        await world.told(event.driver_id or "ann")
    (news, *offers) = (await asks(world, ordered.id)).notifications
    assert (news.user_id, news.kind, news.offer_id) == ("ann", "job_update", None)
    assert [one.user_id for one in offers] == ["eve", "dan"]
    (dans,) = (await asks(world, ordered.id, "dan")).notifications
    assert dans == offers[-1]
    assert (await asks(world, ordered.id, "gus")).notifications == []


async def test_a_job_that_nobody_was_told_of_has_no_notifications(world: World) -> None:
    unknown = new_id()
    assert await asks(world, unknown) == JobPushes(job_id=unknown, notifications=[])


NOTIFIED = """
    INSERT INTO notification (id, user_id, title, body, kind, data, collapse_id, event_id, created_at)
    SELECT uuidv7(make_interval(secs => n)), 'driver ' || n, 't', 'b', 'job_update', CAST(:data AS json), 'c',
        gen_random_uuid(), now() FROM generate_series(1, :count) n
"""
DELIVERED = """
    INSERT INTO delivery
        (id, notification_id, token, state, attempts, expires_at, next_attempt_at, last_reason)
    SELECT gen_random_uuid(), id, 'token ' || n, 'failed', 9, now(), now(), repeat('ä', 5000)
    FROM notification, generate_series(1, :devices) n
"""


async def tell(world: World, count: int, devices: int) -> UUID:
    """So many were told of a job, on so many devices each, in the order of their ids."""
    job_id = uuid4()
    async with world.engine.begin() as connection:
        data = json.dumps({"job_id": str(job_id), "type": "job_update"})
        await connection.execute(text(NOTIFIED), {"data": data, "count": count})
        await connection.execute(text(DELIVERED), {"devices": devices})
    return job_id


async def test_of_very_many_the_newest_are_told_and_how_many_are_left_out(world: World) -> None:
    """A12: a message on the bus has a limit."""
    job_id = await tell(world, SHOWN + 100, 0)
    answer = await asks(world, job_id)
    assert answer.left_out == 100
    assert [one.user_id for one in answer.notifications] == [f"driver {n}" for n in range(600, 100, -1)]


async def test_an_answer_fits_into_a_message_whatever_push_services_say(world: World) -> None:
    """The longest reasons, on more devices than anybody has."""
    job_id = await tell(world, SHOWN, DEVICES_SHOWN + 5)
    answer = await asks(world, job_id)
    assert len(answer.model_dump_json().encode()) < LARGEST_ANSWER * 1.01
    assert answer.left_out == SHOWN - len(answer.notifications) > 0
    assert answer.notifications[0].user_id == f"driver {SHOWN}"
    assert {len(one.devices) for one in answer.notifications} == {DEVICES_SHOWN}


async def test_a_jobs_notifications_are_found_without_looking_at_all_others(world: World) -> None:
    """Also by a plan that PostgreSQL keeps for any job: the index is on exactly what is asked."""
    for _ in range(20):
        await tell(world, 100, 0)
    async with world.engine.connect() as connection:
        await connection.execute(text("ANALYZE notification"))
        await connection.execute(text("SET plan_cache_mode = force_generic_plan"))
        asked = f"PREPARE asked(text) AS SELECT * FROM notification WHERE {JOB} = $1 ORDER BY id DESC LIMIT 9"
        await connection.exec_driver_sql(asked)
        plan = (await connection.exec_driver_sql("EXPLAIN EXECUTE asked('x')")).scalars().all()
    assert "notification_job" in "\n".join(plan)


async def test_a_step_of_the_job_is_found_by_it_as_well(world: World) -> None:
    """C12: each step tells the customer."""
    ordered = job()
    await world.happens(moved(ordered, JobStatus.arrived))
    await world.told("ann")
    assert (await only(world, ordered.id)).user_id == "ann"
