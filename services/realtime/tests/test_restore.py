from nats.aio.client import Client

from contracts.events import DriverState
from contracts.ids import new_id
from contracts.models import JobStatus, PendingOffer
from contracts.requests import DriverView
from contracts.subjects import live_track

from . import made
from .conftest import Dial, Mark, Publish
from .neighbours import Neighbours


async def test_a_customer_that_comes_back_is_in_its_rooms_and_has_the_present_state(
    dial: Dial, neighbours: Neighbours, nc: Client, publish: Publish
) -> None:
    """C7: without asking; `booking:snapshot` is our addition."""
    job = neighbours.add(made.job("ann-b1", driver=made.card("dan-b1"), status=JobStatus.arrived))
    first = await dial("ann-b1", "user")
    await first.next("booking:snapshot")
    await first.hang_up()
    ann = await dial("ann-b1", "user")
    [booking] = (await ann.next("booking:snapshot"))["bookings"]
    assert (booking["bookingId"], booking["status"], booking["pilot"]["id"]) == (
        str(job.id),
        "arrived",
        "dan-b1",
    )
    await nc.publish(live_track(job.id), made.tracked(job.id).model_dump_json().encode())
    assert (await ann.next("location:update"))["lat"] == 40.7
    await publish(made.status(job, "dan-b1"))
    assert (await ann.next("job:status"))["status"] == "arrived"


async def test_a_driver_that_comes_back_has_its_job(dial: Dial, neighbours: Neighbours) -> None:
    """C7"""
    job = neighbours.add(made.job("ann-b2", driver=made.card("dan-b2"), status=JobStatus.accepted))
    dan = await dial("dan-b2", "pilot")
    [booking] = (await dan.next("booking:snapshot"))["bookings"]
    assert booking["bookingId"] == str(job.id)


async def test_a_snapshot_is_never_older_than_what_was_told(
    dial: Dial, neighbours: Neighbours, publish: Publish, mark: Mark
) -> None:
    """C7: an event that overtakes the answer makes the edge ask again."""
    old = made.job("ann-b4", version=3)
    new = neighbours.add(old.model_copy(update={"status": JobStatus.arrived, "version": 4}))
    first = await dial("ann-b4", "user")
    await publish(made.status(new))
    await mark(**{"ann-b4": first})
    neighbours.late[old.id] = old
    second = await dial("ann-b4", "user")
    [booking] = (await second.next("booking:snapshot"))["bookings"]
    assert booking["status"] == "arrived"


async def test_somebody_without_bookings_gets_an_empty_screen(dial: Dial, neighbours: Neighbours) -> None:
    """C7: what a client still shows from before is over."""
    ann = await dial("ann-b3", "user")
    assert await ann.next("booking:snapshot") == {"bookings": []}


async def test_a_driver_that_comes_back_has_the_offers_that_still_stand(
    dial: Dial, neighbours: Neighbours, publish: Publish, mark: Mark
) -> None:
    """C7: those it holds alone, and the open jobs of the feed; not one that ended while the answer came."""
    driver, held, feed, taken = "dan-b5", made.job("ann-b5"), made.job("ann-b5"), made.job("ann-b5")
    neighbours.drivers[driver] = DriverView(driver_id=driver, state=DriverState.available, approved=True)
    neighbours.offers[driver] = [
        PendingOffer(offer_id=new_id(), exclusive=True, number=1, expires_at=made.LATER, job=held),
        PendingOffer(offer_id=new_id(), exclusive=False, number=1, expires_at=None, job=feed),
        PendingOffer(offer_id=new_id(), exclusive=False, number=1, expires_at=None, job=taken),
    ]
    first = await dial(driver, "pilot")
    snapshot = await first.next("booking:snapshot")
    assert [offer["bookingId"] for offer in snapshot["offers"]] == [str(held.id)]
    assert snapshot["offers"][0]["expiresAt"] == made.LATER_TEXT
    assert [job["id"] for job in snapshot["jobs"]] == [str(feed.id), str(taken.id)]
    await publish(made.feed_closed(taken))
    await mark(**{driver: first})
    second = await dial(driver, "pilot")
    assert [job["id"] for job in (await second.next("booking:snapshot"))["jobs"]] == [str(feed.id)]
