from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from contracts.events import Event
from contracts.models import JobStatus
from stack.house import House
from stack.ports import Reservation

from . import made
from .conftest import Dial, Mark, Publish
from .neighbours import Neighbours
from .phone import Phone
from .processes import EdgeProcess, connections, edge_process

pytestmark = pytest.mark.usefixtures("neighbours")


@pytest_asyncio.fixture(scope="module")
async def nats_url(house: House) -> str:
    """A server of our own, for its figures."""
    return house.nats_url


@pytest_asyncio.fixture(scope="module")
async def two_edges(house: House, ports: Reservation, engine: str) -> AsyncIterator[tuple[EdgeProcess, ...]]:
    async with (
        edge_process(house.nats_url, ports.port(), engine=engine) as one,
        edge_process(house.nats_url, ports.port(), engine=engine) as two,
    ):
        for edge in (one, two):
            await edge.until("/readyz", 200)
        yield one, two


async def test_customer_and_driver_on_two_edges_complete_a_job(
    two_edges: tuple[EdgeProcess, EdgeProcess],
    dial: Dial,
    neighbours: Neighbours,
    publish: Publish,
    mark: Mark,
) -> None:
    """B1-B7, C3, C8, E3: each hears its own, once, wherever it is connected."""
    ann = await dial("ann-t1", "user", two_edges[0].url)
    dan = await dial("dan-t1", "pilot", two_edges[1].url)
    job = neighbours.add(made.job("ann-t1"))
    assert (await ann.ask("booking:subscribe", {"bookingId": str(job.id)}))["ok"]
    assert (await dan.ask("pilot:online", {"vehicleId": "v"}))["ok"]

    await publish(made.created(job), made.started(job), made.offer(job, "dan-t1"))
    assert (await dan.next("booking:offer"))["bookingId"] == str(job.id)
    assert (await dan.ask("offer:accept", {"bookingId": str(job.id)}))["ok"]
    await publish(made.assigned(job, "dan-t1"))
    assert (await ann.next("booking:driver_assigned"))["pilot"]["id"] == "dan-t1"
    await mark(**{"dan-t1": dan})
    assert (await dan.ask("pilot:location", {"lat": 40.7, "lng": -74.0}))["ok"]
    assert (await ann.next("location:update"))["lat"] == 40.7
    done = job.model_copy(update={"status": JobStatus.completed, "version": 6})
    await publish(made.status(done, "dan-t1"))

    await mark(**{"ann-t1": ann, "dan-t1": dan})
    assert ann.names() == [
        "booking:snapshot",
        "booking:created",
        "booking:search_started",
        "booking:offer_sent",
        "booking:driver_assigned",
        "job:driver-assigned",
        "location:update",
        "job:status",
        "booking:status",
    ]
    assert dan.names() == ["booking:snapshot", "booking:offer", "booking:status"]


async def test_an_edge_receives_nothing_meant_for_the_other_alone(
    two_edges: tuple[EdgeProcess, EdgeProcess], house: House, dial: Dial, publish: Publish, mark: Mark
) -> None:
    """E3: no broadcast to all edges; counted by the NATS server, message by message."""
    ann = await dial("ann-t2", "user", two_edges[0].url)
    dan = await dial("dan-t2", "pilot", two_edges[1].url)
    for phone in (ann, dan):
        await phone.next("booking:snapshot")
    one, two = await _connection_of(house, "ann-t2"), await _connection_of(house, "dan-t2")

    async def received(cid: int, *events: Event, **phones: Phone) -> int:
        before: int = (await connections(house.nats_monitor_url))[cid]["out_msgs"]
        await publish(*events)
        await mark(**phones)
        after: int = (await connections(house.nats_monitor_url))[cid]["out_msgs"]
        return after - before

    others = [made.job("somebody-else") for _ in range(50)]
    for_dan = [made.offer(job, "dan-t2") for job in others]
    for_ann = [made.started(made.job("ann-t2")) for _ in range(50)]
    a_mark = 1
    assert await received(one, *for_dan, **{"dan-t2": dan}) == 0
    assert await received(two, *for_dan, **{"dan-t2": dan}) == 50 + a_mark
    assert await received(two, *for_ann, **{"ann-t2": ann}) == 0
    assert await received(one, *for_ann, **{"ann-t2": ann}) == 50 + a_mark
    assert dan.names().count("booking:offer") == 100
    assert ann.names().count("booking:search_started") == 100


async def test_subscriptions_end_with_the_last_socket_of_a_person(
    two_edges: tuple[EdgeProcess, EdgeProcess], house: House, dial: Dial
) -> None:
    """E3, invariant 7: counted, first in, last out."""
    phones = [await dial("ann-t3", "user", two_edges[0].url) for _ in range(2)]
    cid = await _connection_of(house, "ann-t3")
    assert await _subscriptions(house, cid, "ann-t3") == [
        "live.*.*.*.ann-t3.*",
        "live.notification.created.ann-t3",
    ]
    await phones.pop().hang_up()
    await dial("ann-t4", "user", two_edges[0].url)  # whose subscriptions come after what that did
    assert await _subscriptions(house, cid, "ann-t3") == [
        "live.*.*.*.ann-t3.*",
        "live.notification.created.ann-t3",
    ]
    await phones.pop().hang_up()
    await dial("ann-t5", "user", two_edges[0].url)
    assert await _subscriptions(house, cid, "ann-t3") == []


async def _subscriptions(house: House, cid: int, person: str) -> list[str]:
    listed: list[str] = (await connections(house.nats_monitor_url))[cid].get("subscriptions_list", [])
    return sorted(subject for subject in listed if person in subject)


async def _connection_of(house: House, person: str) -> int:
    found = await connections(house.nats_monitor_url)
    [cid] = [cid for cid in found if await _subscriptions(house, cid, person)]
    return cid
