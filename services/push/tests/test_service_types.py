"""A service type's words on their way from matching over the bus to a phone."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from contracts.ids import new_id
from contracts.models import JobStatus
from contracts.service_types import ServiceTypeChanged
from contracts.streams import PUSH_SERVICE_TYPES
from contracts.subjects import dead_letter
from contracts.wording import Words
from wire.envelope import seal

from .events import assigned, failed, job, moved, offered

World = Any


def changed(name: str, version: int = 1, **wording: Words) -> ServiceTypeChanged:
    return ServiceTypeChanged(service_type=name, version=version, wording=wording)


async def kept(world: World, name: str) -> Any:
    """What push has of this service type, as soon as it has any. Nothing announces that but the row."""
    query = text("SELECT version, words FROM wording WHERE service_type = :name")
    async with asyncio.timeout(60):
        while True:
            async with world.engine.connect() as connection:
                if row := (await connection.execute(query, {"name": name})).one_or_none():
                    return row
            await asyncio.sleep(0.02)


async def says(world: World, *changes: ServiceTypeChanged) -> None:
    """Matching says so, in this order; push knows all of it afterwards: it reads one after the other."""
    last = changed(f"last-{new_id()}")
    for change in (*changes, last):
        await world.happens(change)
    await kept(world, last.service_type)


async def test_a_service_types_words_reach_phone_history_and_socket(world: World) -> None:
    """A2, A4, C10, B14: in those words; the other notifications in the requirements'."""
    words = Words(title="Neuer Umzug", body="{address}, {price} € ({service_type})")
    await says(world, changed("umzug", new_job=words))
    token = await world.register("dan", "pilot")
    await world.happens(offered(job(service_type="umzug")))
    push = await world.apns.next_push(token)
    assert (push.title, push.body) == ("Neuer Umzug", "12 Main St, 46 € (umzug)")
    (told,) = await world.told("dan")
    (item,) = (await world.notifications("dan"))["items"]
    for shown in ((told.title, told.body), (item["title"], item["body"])):
        assert shown == (push.title, push.body)
    await world.happens(offered(job(service_type="umzug"), "eve", exclusive=True))
    (told,) = await world.told("eve")
    assert (told.title, told.body) == ("New Delivery Offer", "12 Main St - $46")


async def test_keys_reach_the_phone_and_texts_the_history(world: World) -> None:
    """A4, C10: the app has the texts in the phone's language; the history is read everywhere."""
    words = Words(title="Da", loc_key="DRIVER_HERE", loc_args=["{number}"])
    await says(world, changed("keyed", arrived=words))
    token = await world.register("ann")
    await world.happens(moved(job(service_type="keyed"), JobStatus.arrived))
    push = await world.apns.next_push(token)
    alert = {"title": "Da", "loc-key": "DRIVER_HERE", "loc-args": ["WG-000001"]}
    assert push.payload["aps"]["alert"] == alert
    (told,) = await world.told("ann")
    (item,) = (await world.notifications("ann"))["items"]
    for shown in ((told.title, told.body), (item["title"], item["body"])):
        assert shown == ("Da", "Your driver has arrived!")


async def test_news_without_the_job_is_told_in_its_service_types_words_too(world: World) -> None:
    """A6, B8: the event says of which it is; one of a sender that does not know to is told as required."""
    assigned_words, nobody_words = Words(title="{driver_name} kommt"), Words(title="Niemand da")
    await says(world, changed("jobless", accepted=assigned_words, unfulfilled=nobody_words))
    ordered = job(service_type="jobless")
    for event in (assigned(ordered), failed(ordered)):
        await world.happens(event)
    assert {one.title for one in await world.told("ann", 2)} == {"Dan kommt", "Niemand da"}
    await world.happens(assigned(ordered, service_type=None))
    assert "Driver Assigned" in {one.title for one in await world.told("ann", 3)}


async def test_an_event_that_comes_again_is_told_once_though_the_words_have_changed(world: World) -> None:
    """A4"""
    event = seal(offered(job(service_type="twice")))
    stream = world.nc.jetstream()
    await says(world, changed("twice", 1, new_job=Words(title="One")))
    await stream.publish(event.subject, event.body, headers=event.headers)
    await world.told("dan")
    await says(world, changed("twice", 2, new_job=Words(title="Two")))
    await stream.publish(event.subject, event.body, headers=event.headers | {"Nats-Msg-Id": "again"})
    await world.happens(offered(job(service_type="twice")))  # heard after the copy
    await world.told("dan", 2)
    items = (await world.notifications("dan"))["items"]
    assert sorted(item["title"] for item in items) == ["One", "Two"]


async def test_latecomers_and_copies_do_not_bring_old_words_back(world: World) -> None:
    """Matching's replicas publish on their own: a change may come after the one that followed it."""
    first, third = changed("late", 1, offer=Words(title="1")), changed("late", 3, offer=Words(title="3"))
    await says(world, changed("late", 2), third, first, third)
    assert tuple(await kept(world, "late")) == (3, {"offer": Words(title="3").model_dump()})
    await says(world, changed("late", 4))
    assert tuple(await kept(world, "late")) == (4, {})


async def test_an_empty_database_learns_what_was_said_before(
    stopped: World, backend: Any, push_template: str
) -> None:
    """Push was restored from nothing: its consumer has had every change, and will not be told again."""
    await stopped.start()
    await says(stopped, changed("old", 1), changed("old", 2, offer=Words(title="Alt")))
    await stopped.stop()
    await stopped.engine.dispose()
    stopped.database_url = await backend.fresh_database(push_template)
    stopped.engine = create_async_engine(stopped.database_url)
    await stopped.start()
    async with asyncio.timeout(60):
        while (await kept(stopped, "old")).version != 2:  # it reads them one after the other
            await asyncio.sleep(0.02)


async def test_a_newer_change_is_in_the_stream_though_an_older_one_came_last(
    stopped: World,
) -> None:
    """Out of order while push was away: the last message of the subject is not the one that holds."""
    for version in (2, 1):
        await stopped.happens(changed("crossed", version, offer=Words(title=str(version))))
    await stopped.start()
    await says(stopped, changed("marker"))
    assert (await kept(stopped, "crossed")).version == 2


async def test_a_change_that_cannot_be_read_is_buried_and_holds_up_nothing(stopped: World) -> None:
    """In the stream it stays, and is passed over by who reads it anew."""
    dead = await stopped.nc.subscribe(dead_letter(PUSH_SERVICE_TYPES.durable))
    headers = seal(changed("broken")).headers
    await stopped.nc.jetstream().publish("service_type.changed.broken", b'{"version": "x"}', headers=headers)
    await stopped.start()
    await dead.next_msg(timeout=60)
    await says(stopped, changed("sound", offer=Words(title="ok")))
    assert (await kept(stopped, "sound")).version == 1


@pytest.mark.parametrize("trouble", ["{weather}", "{0.__class__}"])
async def test_words_that_cannot_be_filled_in_cost_nobody_a_push(world: World, trouble: str) -> None:
    """A11, A2: whatever came over the bus, the job is told, as the requirements have it."""
    await says(world, changed("odd", new_job=Words(title="T", body=trouble)))
    token = await world.register("dan", "pilot")
    await world.happens(offered(job(service_type="odd")))
    push = await world.apns.next_push(token)
    assert (push.title, push.body) == ("New Job Nearby", "12 Main St - $46")
