"""The dashboard over a real bus: right from what the streams have, and live from then on."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from nats.aio.client import Client

from contracts.events import DriverState, DriverStatusChanged, Event, SearchFailure
from contracts.ids import new_id
from contracts.models import Job, JobStatus
from contracts.streams import CONSUMERS
from wire.bootstrap import bootstrap
from wire.envelope import MESSAGE_ID, seal
from wire.publish import post

from . import made
from .conftest import Dial, OpenEdge, Publish
from .phone import Phone

pytestmark = pytest.mark.usefixtures("neighbours", "empty")

FIGURES = {
    "activeBookings": 4,
    "onlinePilots": 2,
    "busyPilots": 1,
    "pendingSearches": 2,
    "assignedSearches": 2,
    "failedSearches": 2,
    "successRate": 0.5,
    "assignedLastHour": 2,
}


@pytest.fixture
async def empty(nc: Client) -> None:
    """Nothing that another test published is in the streams."""
    for stream in ("DISPATCH", "DRIVERS"):
        await nc.jetstream().purge_stream(stream)


def driver(name: str, state: DriverState, version: int) -> DriverStatusChanged:
    return DriverStatusChanged(driver_id=name, state=state, approved=True, version=version)


def at(job: Job, status: JobStatus, version: int) -> Job:
    return job.model_copy(update={"status": status, "version": version})


def history() -> list[Event]:
    """Some of it in the wrong order, as swept letters are."""
    waiting, won, done, lost, again, off = (made.job(f"customer.{number}") for number in range(6))
    retried = again.model_copy(update={"attempt": 2, "version": 3})
    in_vain = SearchFailure.max_tries
    return [
        *(made.created(job) for job in (waiting, won, done, lost, again, off)),
        *(made.started(job) for job in (waiting, won, again, lost, off)),
        *(made.offer(job, "dan") for job in (waiting, won, done)),
        made.assigned(won),
        made.status(at(won, JobStatus.en_route, 3)),
        made.status(at(won, JobStatus.accepted, 2)),
        made.assigned(done),
        made.started(done),
        made.status(at(done, JobStatus.completed, 6)),
        made.status(at(done, JobStatus.in_progress, 5)),
        made.failed(lost, in_vain),
        made.status(at(lost, JobStatus.unfulfilled, 2), None),
        made.timed_out(again),
        made.started(retried, 2),
        made.retried(retried),
        made.status(at(again, JobStatus.unfulfilled, 2), None),
        made.cancelled(off),
        made.feed_closed(off, None, JobStatus.cancelled),
        made.notification("ann"),
        driver("dan", DriverState.busy, 3),
        driver("dan", DriverState.available, 2),
        driver("rick", DriverState.available, 1),
        driver("gone", DriverState.available, 1),
        driver("gone", DriverState.offline, 2),
    ]


@pytest.fixture
async def told(nc: Client, empty: None) -> None:
    """The history is in the streams, some of it twice, and beside it what nobody can read."""
    letters = [seal(event) for event in history()]
    for letter in (*letters, *letters[::3]):
        headers = letter.headers | {MESSAGE_ID: str(new_id())}
        await post(nc.jetstream(), replace(letter, headers=headers))
    for subject, body in (("job.created.x.y._", b"{"), ("search.failed.x.y._", b"{}"), ("job.sung", b"")):
        await nc.jetstream().publish(subject, body)


def figures(stats: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stats.items() if name != "updatedAt"}


async def watch(phone: Phone) -> dict[str, Any]:
    """The first figures that this admin is told, having asked for them."""
    answer = await phone.ask("admin:subscribe")
    stats: dict[str, Any] = await phone.next("dashboard:stats")
    assert answer["ok"]
    assert answer["stats"] in (stats, None)  # on a slow machine they come by the event alone
    return stats


async def until(phone: Phone, **expected: Any) -> dict[str, Any]:
    """The first figures from now on that are so."""
    while True:
        stats: dict[str, Any] = await phone.next("dashboard:stats")
        if stats.items() >= expected.items():
            return stats


@pytest.mark.usefixtures("told")
async def test_an_admin_is_told_the_figures_of_all_that_happened(dial: Dial, open_edge: OpenEdge) -> None:
    """C9: in the acknowledgement, and as an event."""
    stats = await watch(await dial("root-d1", "admin", await open_edge()))
    assert figures(stats) == FIGURES
    assert stats["updatedAt"].endswith("Z")


@pytest.mark.usefixtures("told")
async def test_a_restarted_edge_and_another_one_say_the_same_at_once(
    dial: Dial, open_edge: OpenEdge, publish: Publish
) -> None:
    """C9: computed from the streams, whoever computes it, and since when."""
    job = made.job("somebody")
    one = await dial("root-d2", "admin", await open_edge())
    await watch(one)
    await publish(made.created(job), driver("dan", DriverState.offline, 4), made.started(job))
    lived = await until(one, activeBookings=5, onlinePilots=1, pendingSearches=3)
    another = await dial("root-d2", "admin", await open_edge())
    assert await watch(another) == lived
    await publish(made.assigned(job))
    assert await until(one, assignedSearches=3) == await until(another, assignedSearches=3)


async def test_figures_follow_what_happens(dial: Dial, open_edge: OpenEdge, publish: Publish) -> None:
    """C9: live, from nothing."""
    root = await dial("root-d3", "admin", await open_edge(dashboard_seconds=0.05))
    first = await watch(root)
    assert figures(first) == dict.fromkeys(FIGURES, 0) | {"successRate": None}
    assert first["updatedAt"] is None
    job = made.job("ann-d3")
    await publish(made.created(job), made.started(job), driver("dan", DriverState.available, 1))
    await until(root, activeBookings=1, pendingSearches=1, onlinePilots=1, busyPilots=0)
    await publish(made.assigned(job), driver("dan", DriverState.busy, 2))
    await until(root, pendingSearches=0, successRate=1.0, assignedLastHour=1, busyPilots=1)
    await publish(made.status(at(job, JobStatus.completed, 6)), driver("dan", DriverState.offline, 3))
    await until(root, activeBookings=0, onlinePilots=0, busyPilots=0)


async def test_several_admins_are_told_and_those_who_left_are_not(
    dial: Dial, open_edge: OpenEdge, publish: Publish
) -> None:
    """C9"""
    url = await open_edge(dashboard_seconds=0.05)
    one, two = [await dial(f"root-d4{name}", "admin", url) for name in "ab"]
    assert await watch(one) == await watch(two)
    assert (await one.ask("admin:unsubscribe"))["ok"]
    await publish(made.created(made.job("ann-d4")))
    await until(two, activeBookings=1)
    assert (await one.ask("admin:unsubscribe"))["ok"]  # after whatever was said to it before
    assert one.names() == ["dashboard:stats"]


async def test_the_dashboard_is_for_admins_only(dial: Dial, edge: str) -> None:
    """C9"""
    for role in ("user", "pilot"):
        nosy = await dial("eve-d5", role, edge)
        for event in ("admin:subscribe", "admin:unsubscribe"):
            assert (await nosy.ask(event))["error"]["code"] == "forbidden"


async def running(url: str) -> bool:
    async with httpx.AsyncClient() as client:
        return "waggle_dashboard_running 1.0" in (await client.get(f"{url}/metrics")).text


@pytest.mark.usefixtures("told")
async def test_nothing_is_left_behind_when_the_last_admin_has_gone(
    dial: Dial, open_edge: OpenEdge, nc: Client
) -> None:
    """C9, invariant 7: no consumer at the server, no reading here; and whoever comes next has it all."""
    url = await open_edge(dashboard_seconds=0.05)
    root = await dial("root-d6", "admin", url)
    await watch(root)
    assert await running(url)
    await root.hang_up()
    async with asyncio.timeout(60):
        while await running(url):
            await asyncio.sleep(0.05)
    for stream in ("DISPATCH", "DRIVERS"):
        declared = {consumer.durable for consumer in CONSUMERS if consumer.stream == stream}
        assert {info.name for info in await nc.jetstream().consumers_info(stream)} == declared
    again = await dial("root-d6", "admin", url)
    assert figures(await watch(again)) == FIGURES


@pytest.mark.usefixtures("told")
async def test_streams_that_were_made_anew_are_read_anew(
    dial: Dial, open_edge: OpenEdge, publish: Publish, nc: Client, nats_url: str
) -> None:
    """C9"""
    root = await dial("root-d7", "admin", await open_edge(dashboard_seconds=0.05))
    await watch(root)
    await nc.jetstream().delete_stream("DISPATCH")
    await bootstrap(nats_url)
    await publish(*(made.created(made.job("ann-d7")) for _ in range(7)))
    assert (await until(root, activeBookings=7))["onlinePilots"] == 2
