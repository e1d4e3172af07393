"""A client that comes back is told what it missed: all of it, in order, once (C7, invariant 8)."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio
from nats.aio.client import Client

from contracts import events as happened
from contracts.models import Job, JobStatus
from contracts.requests import Present
from realtime import audience
from realtime.outgoing import OUTGOING
from stack.ports import Reservation
from stack.tokens import Role, mint

from . import made
from .conftest import KEY, Mark, Publish, running_edge, settings
from .neighbours import Neighbours
from .phone import Phone

Return = Callable[..., Awaitable[Phone]]


@pytest_asyncio.fixture(scope="module")
async def edges(
    nats_url: str, ports: Reservation, engine: str, neighbours: Neighbours
) -> AsyncIterator[list[str]]:
    """Two, so that a client may come back to the other one."""
    one, two = (settings(nats_url, ports.port(), engine=engine) for _ in range(2))
    async with running_edge(one) as first, running_edge(two) as second:
        yield [first, second]


async def come(url: str, person: str, role: Role, offset: str | None = None, pid: str | None = None) -> Phone:
    """A client that wants to be recoverable; with what it kept from before, if anything."""
    more = {key: value for key, value in (("offset", offset), ("pid", pid)) if value}
    return await Phone().dial(url, mint(person, role, key=KEY), recover=True, **more)


def life(customer: str, driver: str) -> tuple[Job, list[happened.Event]]:
    """All that happens to one job, from the order to its end."""
    job = made.job(customer)
    steps: list[happened.Event] = [
        made.created(job),
        made.started(job),
        made.offer(job, "other"),
        made.offer_end(happened.OfferExpired, job, "other"),
        made.offer(job, driver, number=2),
        made.assigned(job, driver),
    ]
    on_the_way = (
        JobStatus.accepted,
        JobStatus.en_route,
        JobStatus.arrived,
        JobStatus.in_progress,
        JobStatus.completed,
    )
    for version, status in enumerate(on_the_way, start=2):
        job = job.model_copy(update={"status": status, "version": version, "driver": made.card(driver)})
        steps.append(made.status(job, driver))
        if status is JobStatus.accepted:
            steps.append(made.feed_closed(job, driver))
        if status is JobStatus.arrived:
            steps += [made.notification(customer, "Here"), made.notification(driver, "There")]
    return job, steps


def told(phone: Phone) -> list[tuple[str, str]]:
    """What was said about jobs and in notifications, in order."""
    return [
        (name, json.dumps(payload, sort_keys=True))
        for name, payload in phone.events
        if name != "booking:snapshot" and not (name == "notification" and payload["title"] == "Hello")
    ]


async def test_cut_at_every_point_of_a_jobs_life(
    edges: list[str], neighbours: Neighbours, publish: Publish, mark: Mark
) -> None:
    """C7: one that stays and one that is cut off after each event are told the same, on two edges."""
    roles: tuple[tuple[Role, str], ...] = (("user", "ann-r1"), ("pilot", "dan-r1"))
    for role, prefix in roles:
        people = [f"{prefix}-{n}" for n in range(16)]
        lives = [life(one, "dan-x") if role == "user" else life("ann-x", one) for one in people]
        staying = [await come(edges[0], one, role) for one in people]
        leaving = [await come(edges[0], one, role) for one in people]
        for phone in (*staying, *leaving):
            await phone.greeted()
        count = len(lives[0][1])
        for index, (_, events) in enumerate(lives):
            await publish(*events[: min(index, count)])
        await mark(**dict(zip(people, leaving, strict=True)))
        for phone in leaving:
            await phone.hang_up()
        for index, (_, events) in enumerate(lives):
            await publish(*events[min(index, count) :])
        returned = [
            await come(edges[1 - n % 2], one, role, leaving[n].offset) for n, one in enumerate(people)
        ]
        await mark(**dict(zip(people, returned, strict=True)))
        await mark(**dict(zip(people, staying, strict=True)))
        for left, back, stayed in zip(leaving, returned, staying, strict=True):
            assert "booking:snapshot" not in [name for name, _ in back.events]
            assert _without_rooms(told(left) + told(back)) == _without_rooms(told(stayed))
        for phone in (*staying, *returned):
            await phone.hang_up()


def _without_rooms(said: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What comes to a booking's room is also told of the time away, though only some were in it."""
    only_rooms = {
        line.name for lines in OUTGOING.values() for line in lines if line.to == (audience.booking,)
    }
    return [one for one in said if one[0] not in only_rooms | {"job:accepted"}]


async def test_a_late_letter_takes_back_nothing_that_was_told_on_return(
    edges: list[str], neighbours: Neighbours, publish: Publish, mark: Mark
) -> None:
    """C8, invariant 8: by what was missed or by the snapshot; this edge has not heard the newer one."""
    job = neighbours.add(made.job("ann-v1", status=JobStatus.in_progress, version=5))
    ann = await come(edges[0], "ann-v1", "user")
    await ann.greeted()
    await ann.hang_up()
    await publish(made.status(job))
    back = await come(edges[1], "ann-v1", "user", ann.offset, ann.pid)
    assert (await back.next("booking:status"))["status"] == "in_progress"
    anew = await come(edges[1], "ann-v1", "user")
    await anew.greeted()
    await publish(made.status(job.model_copy(update={"status": JobStatus.arrived, "version": 4})))
    for phone in (back, anew):
        await mark(**{"ann-v1": phone})
    assert [told["status"] for name, told in back.events if name == "booking:status"] == ["in_progress"]
    assert anew.names() == ["booking:snapshot"]
    for phone in (back, anew):
        await phone.hang_up()


async def test_what_happens_while_it_comes_back_is_told_once(
    edges: list[str], publish: Publish, mark: Mark
) -> None:
    """C7: the stream is read and live events arrive at the same time; forced by many of them."""
    person = "ann-r2"
    phone = await come(edges[0], person, "user")
    await phone.greeted()
    titles: list[str] = []
    heard: list[str] = []

    allowed = asyncio.Semaphore(50)

    async def talk() -> None:
        while turn < 8:
            await allowed.acquire()
            titles.append(f"n{len(titles)}")
            await publish(made.notification(person, titles[-1]))

    turn = 0
    talking = asyncio.create_task(talk())
    while turn < 8:
        await phone.next("notification")
        await phone.hang_up()
        heard += [payload["title"] for name, payload in phone.events if name == "notification"]
        for _ in range(50):  # never so many at once that a snapshot is the shorter way
            allowed.release()
        turn += 1
        phone = await come(edges[turn % 2], person, "user", phone.offset)
    allowed.release()
    await talking
    await mark(**{person: phone})
    heard += [payload["title"] for name, payload in phone.events if name == "notification"]
    assert [title for title in heard if title != "Hello"] == titles
    await phone.hang_up()


async def test_who_was_away_too_long_or_comes_with_rubbish_starts_anew(
    edges: list[str], nats_url: str, ports: Reservation, engine: str, publish: Publish
) -> None:
    """C7: a snapshot, and nothing of before."""
    phone = await come(edges[0], "ann-r3", "user")
    await phone.greeted()
    epoch, seq = str(phone.offset).split(".")
    await phone.hang_up()
    await publish(made.created(made.job("ann-r3")))
    future, foreign = f"{epoch}.{int(seq) + 10**9}", f"00000000.{seq}"
    for offset in ("x", "", f"{epoch}.-1", f"{epoch}.{'9' * 30}", future, foreign):
        back = await come(edges[0], "ann-r3", "user", offset, pid="p")
        await back.greeted()
        assert back.names() == ["booking:snapshot"]
        await back.hang_up()
    forgetful = settings(nats_url, ports.port(), engine=engine, recover_seconds=0)
    async with running_edge(forgetful) as url:
        back = await come(url, "ann-r3", "user", phone.offset)
        await back.greeted()
        assert back.names() == ["booking:snapshot"]
        await back.hang_up()
    back = await come(edges[0], "ann-r3", "user", phone.offset)
    await back.next("booking:created")
    assert back.names() == ["booking:created"]
    await back.hang_up()


async def test_an_offset_gives_no_right(edges: list[str], publish: Publish, mark: Mark) -> None:
    """C7: what is told follows from the token, not from the pid or offset of somebody else."""
    ann = await come(edges[0], "ann-r4", "user")
    await ann.greeted()
    await publish(made.created(made.job("ann-r4")))
    mallory = await come(edges[0], "mallory-r4", "user", ann.offset, pid="ann's")
    await mark(**{"ann-r4": ann, "mallory-r4": mallory})
    assert mallory.names() == []
    for phone in (ann, mallory):
        await phone.hang_up()


async def test_a_pid_of_somebody_else_is_not_taken_over(edges: list[str]) -> None:
    """C7: or that one's rooms would be lost to it."""
    admin = await come(edges[0], "root-r8", "admin")
    await admin.greeted()
    assert (await admin.ask("admin:subscribe_assignments"))["ok"]
    other = await come(edges[1], "root-r9", "admin", admin.offset, pid=admin.pid)
    assert other.pid not in {None, admin.pid}
    for phone in (admin, other):
        await phone.hang_up()


async def test_a_client_that_does_not_ask_gets_payloads_alone(edges: list[str]) -> None:
    """C7: those of old have their snapshot, and no second argument."""
    phone = await Phone().dial(edges[0], mint("ann-r5", "user", key=KEY))
    await phone.greeted()
    assert phone.offset is None
    await phone.hang_up()


async def test_admins_are_in_their_rooms_again(
    edges: list[str], neighbours: Neighbours, publish: Publish, mark: Mark
) -> None:
    """C7, C9: what they asked to follow is known to the other edge, and what they missed is told."""
    job = neighbours.add(made.job("ann-r6"))
    admin = await come(edges[0], "root-r6", "admin")
    await admin.greeted()
    assert (await admin.ask("admin:subscribe_assignments"))["ok"]
    assert (await admin.ask("booking:subscribe", {"bookingId": str(job.id)}))["ok"]
    ann = await come(edges[0], "ann-r6", "user")
    await ann.greeted()
    await publish(made.assigned(job, "dan-r6"))
    await admin.next("booking:assigned")
    await admin.next("admin:job-status")
    offset = admin.offset
    await admin.hang_up()
    changed = job.model_copy(update={"status": JobStatus.arrived, "version": 3})
    await publish(made.status(changed, "dan-r6"), made.assigned(job, "dan-r6b"))
    await mark(**{"ann-r6": ann})
    back = await come(edges[1], "root-r6", "admin", offset, pid=admin.pid)
    assert (await back.next("job:status"))["status"] == "arrived"
    assert (await back.next("booking:assigned"))["pilotId"] == "dan-r6b"
    await publish(made.timed_out(job))
    await back.next("booking:search_timeout")
    assert "booking:snapshot" not in back.names()
    for phone in (ann, back):
        await phone.hang_up()


async def test_a_driver_is_looked_for_by_a_subject_of_its_own(edges: list[str], nc: Client) -> None:
    """C5: an edge that only has republished events of a driver still answers for it."""
    dan = await come(edges[0], "dan-r7", "pilot")
    await dan.greeted()
    answer = await nc.request("presence.driver._._.dan-r7", b'{"driver_id":"dan-r7"}', timeout=60)
    assert Present.model_validate_json(answer.data).edge_id
    await dan.hang_up()
