"""From an event on the bus to a phone, over real HTTP/2."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apns_standin import Script
from contracts.events import AssignmentCreated, DispatchMode, OfferCreated
from contracts.ids import new_id
from contracts.models import DriverCard, Job, JobStatus, Place
from wire.envelope import seal

World = Any


def offer(driver: str, lives: float | None = 30, **changes: Any) -> OfferCreated:
    """An exclusive offer to this driver; without a life, a shared one."""
    now, job_id = datetime.now(UTC), new_id()
    job: dict[str, Any] = {
        "id": job_id,
        "number": "WG-000001",
        "customer_id": "customer",
        "service_type": "courier",
        "status": JobStatus.pending,
        "version": 1,
        "pickup": Place(address="12 Main St", lat=0, lng=0),
        "total_price": 45,
        "created_at": now,
        "updated_at": now,
    }
    return OfferCreated(
        job_id=job_id,
        customer_id="customer",
        driver_id=driver,
        search_id=new_id(),
        attempt=1,
        offer_id=new_id(),
        number=1,
        exclusive=lives is not None,
        job=Job(**(job | changes)),
        expires_at=None if lives is None else now + timedelta(seconds=lives),
    )


def assignment(customer: str) -> AssignmentCreated:
    return AssignmentCreated(
        job_id=new_id(),
        customer_id=customer,
        driver_id="driver",
        search_id=new_id(),
        attempt=1,
        mode=DispatchMode.cascade,
        driver=DriverCard(id="driver", name="Ada"),
    )


async def test_an_exclusive_offer_reaches_the_drivers_phone(world: World) -> None:
    """B2, A4: with Apple's headers, the offer's deadline as an absolute time, and past any focus mode."""
    token, event = await world.register("driver", "pilot"), offer("driver")
    await world.happens(event)
    push = await world.apns.next_push(token)
    row = await world.settled(token, "sent")
    assert event.expires_at
    assert push.apns_id == str(row.id)
    assert push.headers == {
        "apns-id": str(row.id),
        "apns-topic": "app.waggle.driver",
        "apns-push-type": "alert",
        "apns-priority": "10",
        "apns-collapse-id": str(event.offer_id),
        "apns-expiration": str(int(event.expires_at.timestamp())),
    }
    assert push.payload == {
        "aps": {
            "alert": {"title": "New Delivery Offer", "body": "12 Main St - $45"},
            "sound": "default",
            "interruption-level": "time-sensitive",
        },
        "job_id": str(event.job_id),
        "type": "offer",
        "offer_id": str(event.offer_id),
        "expires_at": event.expires_at.isoformat(),
    }
    assert (push.status, row.attempts, row.last_reason) == (200, 1, None)


async def test_a_broadcast_job_reaches_the_drivers_phone(world: World) -> None:
    """A2: texts and data as the apps know them, worth a push for ten minutes."""
    token, event = await world.register("driver", "pilot"), offer("driver", None)
    await world.happens(event)
    push = await world.apns.next_push(token)
    assert (push.title, push.body) == ("New Job Nearby", "12 Main St - $45")
    data = {key: value for key, value in push.payload.items() if key != "aps"}
    assert data == {"job_id": str(event.job_id), "type": "new_job", "address": "12 Main St"}
    assert push.headers["apns-collapse-id"] == str(event.offer_id)
    assert abs(int(push.headers["apns-expiration"]) - (datetime.now(UTC).timestamp() + 600)) < 10


async def test_the_assignment_reaches_all_the_customers_phones(world: World) -> None:
    """A6, A10: by the customers' app, collapsed by job, and no louder than news need be."""
    tokens = {await world.register("customer") for _ in range(2)}
    event = assignment("customer")
    await world.happens(event)
    pushes = [await world.apns.next_push(token) for token in tokens]
    for push in pushes:
        assert (push.title, push.body) == ("Driver Assigned", "A driver has been assigned to your job!")
        assert push.headers["apns-topic"] == "app.waggle.customer"
        assert push.headers["apns-collapse-id"] == str(event.job_id)
        assert "interruption-level" not in push.payload["aps"]
    assert pushes[0].apns_id != pushes[1].apns_id


async def test_an_event_that_comes_twice_is_one_record_and_one_push(world: World) -> None:
    """A4: at least once from the bus, once to the phone. JetStream is kept from dropping the copy itself."""
    token, letter = await world.register("driver", "pilot"), seal(offer("driver"))
    js = world.nc.jetstream()
    for _ in range(2):
        headers = {name: value for name, value in letter.headers.items() if name != "Nats-Msg-Id"}
        await js.publish(letter.subject, letter.body, headers=headers)
    await world.happens(assignment("driver"))  # by whose push the copy has long been applied
    await world.told("driver", 2)
    await world.settled(token, "sent", "sent")
    await world.stop()
    titles = sorted(push.title for push in world.apns.pushes(token))
    assert titles == ["Driver Assigned", "New Delivery Offer"]
    assert len(world.heard) == 2


async def test_the_longest_address_there_is_still_fits_into_a_push(world: World) -> None:
    """A2: APNs takes 4,096 bytes."""
    token = await world.register("driver", "pilot")
    place = Place(address="🐝" * 500, lat=0, lng=0)
    await world.happens(offer("driver", None, pickup=place))
    push = await world.apns.next_push(token)
    assert (push.status, push.reason) == (200, None)
    assert push.body.startswith("🐝" * 199 + "…")


async def test_what_is_past_its_deadline_is_recorded_and_never_sent(world: World) -> None:
    """B4"""
    token = await world.register("driver", "pilot")
    await world.happens(offer("driver", -1))
    await world.settled(token, "expired")
    await world.happens(assignment("driver"))
    assert (await world.apns.next_push(token)).title == "Driver Assigned"
    assert len(await world.told("driver", 2)) == 2
    assert len(world.apns.pushes(token)) == 1


async def test_a_retry_comes_under_the_same_id_with_the_same_deadline(world: World) -> None:
    """A2: APNs sees one notification however often it is sent."""
    token = await world.register("driver", "pilot")
    world.apns.script(token, Script(reason="ServiceUnavailable", times=1), Script(reset=True, times=1))
    await world.happens(offer("driver"))
    row = await world.settled(token, "sent")
    refused, cut, taken = world.apns.pushes(token)
    assert (refused.status, cut.cut, taken.status, row.attempts) == (503, "reset", 200, 3)
    assert refused.headers == cut.headers == taken.headers
    assert refused.apns_id == taken.apns_id == str(row.id)
    assert taken.received_at - refused.received_at >= 2.9


@pytest.mark.parametrize("reason", ["BadTopic", "InvalidProviderToken", "PayloadTooLarge"])
async def test_what_apns_will_never_take_is_not_sent_again(world: World, reason: str) -> None:
    token = await world.register("driver", "pilot")
    world.apns.script(token, Script(reason=reason))
    await world.happens(offer("driver"))
    row = await world.settled(token, "failed")
    assert row.last_reason.endswith(reason)
    assert (row.attempts, len(world.apns.pushes(token))) == (1, 1)
    assert await world.devices("driver") == [token]


async def test_all_pushes_share_a_provider_token_and_few_connections(world: World) -> None:
    """Apple: one token for 20 minutes at least, connections kept open."""
    tokens = [await world.register(f"driver-{n}", "pilot") for n in range(60)]
    await asyncio.gather(*(world.happens(offer(f"driver-{n}")) for n in range(60)))
    for token in tokens:
        await world.apns.next_push(token)
    pushes = world.apns.pushes()
    assert len({push.provider_token for push in pushes}) == 1
    assert len({push.connection for push in pushes}) <= 2


async def test_without_apns_everything_is_recorded_and_nothing_hidden(stopped: World) -> None:
    """A4, A12: each delivery says why it was not made."""
    none = dict.fromkeys(("apns_host", "apns_key_file", "apns_key_id", "apns_team_id"))
    await stopped.start(**none)
    token = await stopped.register("driver", "pilot")
    await stopped.happens(offer("driver"))
    row = await stopped.settled(token, "dropped")
    assert row.last_reason == "apns not configured"
    assert len((await stopped.notifications("driver"))["items"]) == 1


async def test_a_device_that_no_notifier_reaches_says_so(world: World) -> None:
    """A12"""
    sandbox = await world.register("driver", "pilot", environment="sandbox")
    android = await world.register("driver", "pilot", token="f" * 63 + ":", platform="android")
    await world.happens(offer("driver"))
    assert (await world.settled(sandbox, "dropped")).last_reason == "apns sandbox not configured"
    assert (await world.settled(android, "dropped")).last_reason == "fcm not configured"
    assert world.apns.pushes() == []


async def test_pushes_are_counted_by_their_result(world: World) -> None:
    """A12: the operator sees how many went out, and how many wait."""

    async def metric(name: str) -> float:
        lines = (await world.http.get("/metrics")).text.splitlines()
        return sum(float(line.split()[1]) for line in lines if line.startswith(name))

    before = await metric('waggle_pushes_total{result="sent"}')
    token = await world.register("driver", "pilot")
    await world.happens(offer("driver"))
    await world.settled(token, "sent")
    assert await metric('waggle_pushes_total{result="sent"}') == before + 1
    assert await metric("waggle_pushes_pending") == 0
