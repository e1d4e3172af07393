import asyncio

import pytest
from nats.aio.client import Client

from contracts import events as happened
from contracts.models import JobStatus
from wire.envelope import seal

from . import made
from .conftest import Dial, Mark, Publish
from .neighbours import Neighbours

pytestmark = pytest.mark.usefixtures("neighbours")


async def test_the_customer_hears_a_whole_cascade_in_order(dial: Dial, publish: Publish, mark: Mark) -> None:
    """B1-B7, A6, A8, C8: in person, and in the booking's room, where it is from the order on."""
    ann, dan = await dial("ann-1", "user"), await dial("dan-1", "pilot")
    job = made.job("ann-1")
    await publish(
        made.created(job),
        made.started(job),
        made.offer(job, "other"),
        made.offer_end(happened.OfferExpired, job, "other"),
        made.offer(job, "dan-1", number=2),
        made.assigned(job, "dan-1"),
        made.status(made.job("ann-1", id=job.id, status=JobStatus.accepted, version=2), "dan-1", "pending"),
    )
    await mark(**{"ann-1": ann, "dan-1": dan})
    assert ann.names() == [
        "booking:snapshot",
        "booking:created",
        "booking:search_started",
        "booking:offer_sent",
        "booking:offer_expired",
        "booking:offer_sent",
        "booking:driver_assigned",
        "job:driver-assigned",
        "job:status",
        "booking:status",
    ]
    assert dan.names() == ["booking:snapshot", "booking:offer", "booking:status"]


async def test_a_letter_that_the_outbox_sent_again_is_told_once(dial: Dial, nc: Client, mark: Mark) -> None:
    """C7, DESIGN §2: the copy passes JetStream's window, and the core subscription always."""
    ann = await dial("ann-2", "user")
    letter = seal(made.created(made.job("ann-2")))
    for _ in range(3):
        await nc.publish(letter.subject, letter.body, headers=dict(letter.headers))
    await mark(**{"ann-2": ann})
    assert ann.names().count("booking:created") == 1


async def test_an_event_reaches_a_socket_once_by_all_its_rooms(
    dial: Dial, publish: Publish, mark: Mark, neighbours: Neighbours
) -> None:
    """C8: the personal room, the booking room, and two subscriptions that both bring it."""
    ann, dan = await dial("ann-3", "user"), await dial("dan-3", "pilot")
    job = neighbours.add(made.job("ann-3", driver=made.card("dan-3"), status=JobStatus.accepted))
    for phone in (ann, dan):
        assert (await phone.ask("booking:subscribe", {"bookingId": str(job.id)}))["ok"]
    await publish(made.status(job.model_copy(update={"status": JobStatus.en_route}), "dan-3"))
    await mark(**{"ann-3": ann, "dan-3": dan})
    for phone in (ann, dan):
        assert phone.names().count("booking:status") == 1
        assert phone.names().count("job:status") == 1


async def test_every_socket_of_a_person_is_told(dial: Dial, publish: Publish) -> None:
    """C1"""
    phones = [await dial("ann-4", "user") for _ in range(2)]
    await publish(made.created(made.job("ann-4")))
    for phone in phones:
        assert (await phone.next("booking:created"))["bookingNumber"] == "W-1001"


async def test_nobody_hears_of_anothers_job(dial: Dial, publish: Publish, mark: Mark) -> None:
    """C6"""
    eve, rick, root = (
        await dial("eve-5", "user"),
        await dial("rick-5", "pilot"),
        await dial("root-5", "admin"),
    )
    await dial("ann-5", "user")  # so that it all comes to this edge
    job = made.job("ann-5")
    await publish(made.created(job), made.offer(job, "dan-5"), made.assigned(job, "dan-5"), made.status(job))
    await mark(**{"eve-5": eve, "rick-5": rick})
    assert eve.names() == rick.names() == ["booking:snapshot"]
    assert (await root.ask("no:such"))["ok"] is False
    assert root.names() == []


async def test_a_late_older_status_is_not_shown(dial: Dial, publish: Publish, mark: Mark) -> None:
    """C8, DESIGN §2: events of a job carry a version; stale ones are dropped."""
    ann = await dial("ann-6", "user")
    job = made.job("ann-6")
    newer = job.model_copy(update={"status": JobStatus.arrived, "version": 4})
    older = job.model_copy(update={"status": JobStatus.en_route, "version": 3})
    await publish(made.status(newer), made.status(older), made.created(job))
    await mark(**{"ann-6": ann})
    assert (await ann.next("booking:status"))["status"] == "arrived"
    assert ann.names()[:3] == ["booking:snapshot", "booking:status", "booking:created"]


async def test_what_does_not_decode_stops_nothing(dial: Dial, nc: Client, publish: Publish) -> None:
    """Bad input: an unreadable message is counted and left out."""
    ann = await dial("ann-7", "user")
    letter = seal(made.created(made.job("ann-7")))
    await nc.publish(letter.subject, b"{", headers=dict(letter.headers))
    await nc.publish(letter.subject, letter.body)
    await nc.publish(letter.subject, letter.body, headers={**letter.headers, "ce-time": "yesterday"})
    await publish(made.created(made.job("ann-7")))
    await ann.next("booking:created")


async def test_online_drivers_see_a_job_leave_the_feed(dial: Dial, publish: Publish, mark: Mark) -> None:
    """A7: all online drivers, and no others."""
    on, off, ann = await dial("on-8", "pilot"), await dial("off-8", "pilot"), await dial("ann-8", "user")
    for phone in (on, off):
        assert (await phone.ask("pilot:online", {"vehicleId": "v"}))["ok"]
    assert (await off.ask("pilot:offline"))["ok"]
    job = made.job("somebody-8")
    await publish(made.feed_closed(job, "dan-8"))
    assert await on.next("job:accepted") == {
        "job_id": str(job.id),
        "status": "accepted",
        "driver_id": "dan-8",
    }
    await mark(**{"off-8": off, "ann-8": ann})
    assert "job:accepted" not in off.names() + ann.names()


async def test_an_admin_hears_of_assignments_once_asked_for(dial: Dial, publish: Publish) -> None:
    """A7, B7, B8, B9, C9"""
    root, job = await dial("root-9", "admin"), made.job("ann-9")
    await publish(made.assigned(made.job("before"), "dan-9"))
    assert (await root.ask("admin:subscribe_assignments"))["ok"]
    await publish(
        made.assigned(job, "dan-9"),
        made.failed(job, happened.SearchFailure.max_tries),
        made.timed_out(job),
    )
    assert (await root.next("booking:assigned"))["bookingId"] == str(job.id)
    assert (await root.next("admin:job-status"))["job_id"] == str(job.id)
    assert (await root.next("booking:no_pilots"))["triedPilots"] == 10
    assert (await root.next("booking:search_timeout")) == {"bookingId": str(job.id), "triedPilots": 4}
    assert (await root.ask("admin:unsubscribe_assignments"))["ok"]
    heard = len(root.events)
    await publish(made.timed_out(job))
    await asyncio.gather(*(root.ask("no:such") for _ in range(3)))
    assert len(root.events) == heard
