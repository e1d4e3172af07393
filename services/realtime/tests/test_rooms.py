"""Who is in a booking's room, from first to last (C6)."""

from nats.aio.client import Client

from contracts.models import JobStatus
from contracts.subjects import live_track

from . import made
from .conftest import Dial, Mark, Publish
from .neighbours import Neighbours


async def test_a_booking_is_followed_by_its_people_and_admins(
    dial: Dial, neighbours: Neighbours, nc: Client, mark: Mark
) -> None:
    """C6: and not by anybody else, whatever it asks for."""
    job = neighbours.add(made.job("ann-r1", driver=made.card("dan-r1"), status=JobStatus.accepted))
    who = {"ann-r1": "user", "dan-r1": "pilot", "root-r1": "admin", "eve-r1": "user", "rick-r1": "pilot"}
    phones = {person: await dial(person, role) for person, role in who.items()}
    ref = {"bookingId": str(job.id)}
    acks = {person: await phone.ask("booking:subscribe", ref) for person, phone in phones.items()}
    for person in ("ann-r1", "dan-r1", "root-r1"):
        assert acks[person]["ok"]
        assert acks[person]["booking"]["status"] == "accepted"
    for person in ("eve-r1", "rick-r1"):
        assert acks[person]["error"]["code"] == "not_found"
    await nc.publish(live_track(job.id), made.tracked(job.id).model_dump_json().encode())
    await phones["ann-r1"].next("location:update")
    for person in ("eve-r1", "rick-r1"):
        await mark(**{person: phones[person]})
        assert phones[person].names() == ["booking:snapshot"]


async def test_a_subscription_answers_the_state_after_the_room_was_joined(
    dial: Dial, neighbours: Neighbours
) -> None:
    """C6, C7: what happens between the look and the joining is not lost."""
    root = await dial("root-r6", "admin")
    job = neighbours.add(made.job("ann-r6", status=JobStatus.arrived))
    neighbours.late[job.id] = job.model_copy(update={"status": JobStatus.en_route})
    answer = await root.ask("booking:subscribe", {"bookingId": str(job.id)})
    assert answer["booking"]["status"] == "arrived"


async def test_a_subscription_answers_nothing_older_than_what_was_told_meanwhile(
    dial: Dial, neighbours: Neighbours, publish: Publish
) -> None:
    """C6, C8: an event that is told between the look after the joining and the answer."""
    ann = await dial("ann-r10", "user")
    before = neighbours.add(made.job("ann-r10", status=JobStatus.accepted, version=2))
    after = before.model_copy(update={"status": JobStatus.en_route, "version": 3})

    async def between_the_looks() -> None:
        neighbours.meanwhile[before.id] = after_the_second

    async def after_the_second() -> None:
        await publish(made.status(neighbours.add(after)))
        assert (await ann.next("booking:status"))["status"] == "en_route"

    neighbours.meanwhile[before.id] = between_the_looks
    answer = await ann.ask("booking:subscribe", {"bookingId": str(before.id)})
    assert answer["booking"]["status"] == "en_route"


async def test_a_late_letter_takes_back_nothing_that_a_subscription_answered(
    dial: Dial, neighbours: Neighbours, publish: Publish, mark: Mark
) -> None:
    """C6, C8, invariant 8: though no event has told this edge of it."""
    ann = await dial("ann-r11", "user")
    job = neighbours.add(made.job("ann-r11", status=JobStatus.in_progress, version=5))
    answer = await ann.ask("booking:subscribe", {"bookingId": str(job.id)})
    assert answer["booking"]["status"] == "in_progress"
    await publish(made.status(job.model_copy(update={"status": JobStatus.arrived, "version": 4})))
    await mark(**{"ann-r11": ann})
    assert ann.names() == ["booking:snapshot"]


async def test_the_eleventh_subscription_in_a_minute_is_refused(dial: Dial, neighbours: Neighbours) -> None:
    """C6: `ERR_1003`; the refused and the undone count too, another socket's do not."""
    ann, again = await dial("ann-r2", "user"), await dial("ann-r2", "user")
    ref = {"bookingId": str(neighbours.add(made.job("ann-r2")).id)}
    for number in range(5):
        name = "booking:subscribe" if number % 2 == 0 else "booking:unsubscribe"
        assert (await ann.ask(name, ref))["ok"]
    for _ in range(5):
        other = {"bookingId": str(made.job().id)}
        assert (await ann.ask("booking:subscribe", other))["error"]["code"] == "not_found"
    for name in ("booking:subscribe", "booking:unsubscribe"):
        assert (await ann.ask(name, ref))["error"]["code"] == "ERR_1003"
    assert (await again.ask("booking:subscribe", ref))["ok"]


async def test_a_customer_who_orders_while_connected_is_in_the_room(
    dial: Dial, neighbours: Neighbours, publish: Publish, mark: Mark, nc: Client
) -> None:
    """C3, A6, A8: without asking; another customer is not."""
    ann, eve, root = (
        await dial("ann-r7", "user"),
        await dial("eve-r7", "user"),
        await dial("root-r7", "admin"),
    )
    job = neighbours.add(made.job("ann-r7"))
    await publish(made.created(job), made.assigned(job, "dan-r7"), made.status(job, "dan-r7"))
    await ann.next("job:driver-assigned")
    await ann.next("job:status")
    assert (await root.ask("booking:subscribe", {"bookingId": str(job.id)}))["ok"]  # the server has it too
    await nc.publish(live_track(job.id), made.tracked(job.id).model_dump_json().encode())
    await ann.next("location:update")
    await mark(**{"eve-r7": eve})
    assert eve.names() == ["booking:snapshot"]


async def test_a_customer_who_left_the_room_of_its_order_stays_out(
    dial: Dial, neighbours: Neighbours, publish: Publish, mark: Mark
) -> None:
    """C6"""
    ann = await dial("ann-r8", "user")
    job = neighbours.add(made.job("ann-r8"))
    await publish(made.created(job))
    await ann.next("booking:created")
    assert (await ann.ask("booking:unsubscribe", {"bookingId": str(job.id)}))["ok"]
    await publish(made.assigned(job, "dan-r8"))
    await mark(**{"ann-r8": ann})
    assert ann.names() == ["booking:snapshot", "booking:created", "booking:driver_assigned"]


async def test_an_order_told_late_is_asked_for_before_its_room_is_entered(
    dial: Dial, publish: Publish, mark: Mark
) -> None:
    """C6: its end was told before; nobody is left in a room that nothing closes any more."""
    ann = await dial("ann-r9", "user")
    job = made.job("ann-r9")
    await publish(made.cancelled(job), made.created(job))
    for name in ("booking:snapshot", "booking:created", "booking:snapshot"):
        await ann.next(name)
    await mark(**{"ann-r9": ann})
    await publish(made.assigned(job, "dan-r9"))
    await mark(**{"ann-r9": ann})
    assert "job:driver-assigned" not in ann.names()


async def test_after_unsubscribing_the_room_is_silent(
    dial: Dial, neighbours: Neighbours, publish: Publish, mark: Mark
) -> None:
    """C6: what concerns the customer still reaches its personal room."""
    ann = await dial("ann-r3", "user")
    job = neighbours.add(made.job("ann-r3"))
    ref = {"bookingId": str(job.id)}
    assert (await ann.ask("booking:subscribe", ref))["ok"]
    assert (await ann.ask("booking:unsubscribe", ref))["ok"]
    await publish(made.status(job, None))
    await mark(**{"ann-r3": ann})
    assert ann.names() == ["booking:snapshot", "booking:status"]


async def test_a_driver_that_lost_the_job_is_out_of_its_room(
    dial: Dial, neighbours: Neighbours, publish: Publish, mark: Mark
) -> None:
    """C6, B11"""
    dan = await dial("dan-r4", "pilot")
    job = neighbours.add(made.job("ann-r4", driver=made.card("dan-r4"), status=JobStatus.accepted))
    assert (await dan.ask("booking:subscribe", {"bookingId": str(job.id)}))["ok"]
    await publish(made.released(job, "dan-r4"), made.assigned(job, "rick-r4"), made.status(job, "rick-r4"))
    await mark(**{"dan-r4": dan})
    assert dan.names() == ["booking:snapshot", "booking:released"]


async def test_the_room_of_a_job_that_is_over_is_closed(
    dial: Dial, neighbours: Neighbours, publish: Publish, mark: Mark, nc: Client
) -> None:
    """C6: the end is told, and nothing after it."""
    ann = await dial("ann-r5", "user")
    done = neighbours.add(made.job("ann-r5", status=JobStatus.in_progress, version=8))
    off = neighbours.add(made.job("ann-r5"))
    for job in (done, off):
        assert (await ann.ask("booking:subscribe", {"bookingId": str(job.id)}))["ok"]
    completed = done.model_copy(update={"status": JobStatus.completed, "version": 9})
    await publish(made.status(completed), made.cancelled(off))
    await mark(**{"ann-r5": ann})
    for job in (done, off):
        await nc.publish(live_track(job.id), made.tracked(job.id).model_dump_json().encode())
    await mark(**{"ann-r5": ann})
    assert ann.names() == ["booking:snapshot", *["job:status", "booking:status"] * 2]
