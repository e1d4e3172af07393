"""What the edge says of who is connected to it, and how it follows a driver's status (C5, A7)."""

import asyncio
import json

import nats
import pytest
from nats.aio.client import Client
from nats.errors import NoRespondersError

from contracts.events import DriverDisconnected, DriverState, DriverStatusChanged
from contracts.requests import FindDriver, FindEdge, Present
from stack.house import House
from stack.ports import Reservation
from stack.tokens import mint
from wire.bootstrap import bootstrap
from wire.envelope import unseal

from . import made
from .conftest import KEY, Dial, Mark, OpenEdge, Publish, running_edge, settings
from .phone import Phone
from .processes import edge_process

pytestmark = pytest.mark.usefixtures("neighbours")
PATIENCE = 30.0


async def find(nc: Client, question: FindDriver | FindEdge) -> str | None:
    """The id of the edge that answered; None: NATS says that nobody listens."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                answer = await nc.request(question.subject(), question.model_dump_json().encode(), timeout=1)
                return Present.model_validate_json(answer.data).edge_id
            except NoRespondersError:
                return None
            except TimeoutError:  # its last socket has closed, and its subscription is just about to
                continue


async def gone(nc: Client, question: FindDriver | FindEdge) -> None:
    async with asyncio.timeout(PATIENCE):
        while await find(nc, question) is not None:
            await asyncio.sleep(0.05)


class Left:
    """Departures as the stream keeps them."""

    def __init__(self, nc: Client) -> None:
        self._js = nc.jetstream()

    async def __call__(self, driver_id: str) -> list[DriverDisconnected]:
        """All of this driver, once there is at least one."""
        async with asyncio.timeout(PATIENCE):
            while not (found := await self._of(driver_id)):
                await asyncio.sleep(0.05)
        return found

    async def _of(self, driver_id: str) -> list[DriverDisconnected]:
        subject = f"driver.disconnected.{driver_id}"
        info = await self._js.stream_info("DRIVERS", subjects_filter=subject)
        found, after = [], 0
        for _ in range((info.state.subjects or {}).get(subject, 0)):
            kept = await self._js.get_msg("DRIVERS", after + 1, next=True, subject=subject)
            event = unseal(kept.headers, kept.data or b"").event
            assert isinstance(event, DriverDisconnected)
            found.append(event)
            after = kept.seq or 0
        return found


@pytest.fixture
def left(nc: Client) -> Left:
    return Left(nc)


async def test_a_driver_is_found_while_it_has_a_socket_at_any_edge(
    dial: Dial, open_edge: OpenEdge, nc: Client
) -> None:
    """C5: on either edge replica, and by nobody once the last socket closed."""
    other = await open_edge()
    asked = FindDriver(driver_id="dan.p1")
    assert await find(nc, asked) is None
    here = await dial("dan.p1", "pilot")
    first = await find(nc, asked)
    there = await dial("dan.p1", "pilot", other)
    await here.hang_up()
    async with asyncio.timeout(PATIENCE):
        while (second := await find(nc, asked)) == first:
            await asyncio.sleep(0.05)
    assert second is not None
    assert await find(nc, FindEdge(edge_id=second)) == second
    await there.hang_up()
    await gone(nc, asked)


async def test_a_driver_that_left_is_told_once_and_not_while_a_socket_is_open(
    dial: Dial, nc: Client, left: Left, engine: str
) -> None:
    """C5: the last of its sockets here counts."""
    dan, other_one = f"dan-p2-{engine}", f"dan-p3-{engine}"
    phones = [await dial(dan, "pilot") for _ in range(2)]
    other = await dial(other_one, "pilot")
    await phones.pop().hang_up()
    await other.hang_up()
    assert len(await left(other_one)) == 1  # and so the first of the other's has been dealt with, too
    assert await find(nc, FindDriver(driver_id=dan)) is not None
    before = await nc.jetstream().stream_info("DRIVERS", subjects_filter=f"driver.disconnected.{dan}")
    assert not before.state.subjects
    await phones.pop().hang_up()
    assert len(await left(dan)) == 1


async def test_the_edge_says_to_matching_where_the_driver_is(dial: Dial, nc: Client) -> None:
    """C5: who goes online can be found by the edge's id, should the edge die."""
    asked = await nc.subscribe("request.matching.go_online")
    await nc.flush()
    dan = await dial("dan-p4", "pilot")
    await dan.say("pilot:online", {})
    body = json.loads((await asked.next_msg(timeout=PATIENCE)).data)
    assert body["edge_id"] == await find(nc, FindDriver(driver_id="dan-p4"))
    await asked.unsubscribe()


async def test_a_departure_is_said_again_until_the_stream_has_it(house: House, ports: Reservation) -> None:
    """C5, B13: here the stream itself is away; the first try is seen to go nowhere."""
    nc = await nats.connect(house.nats_url)
    async with running_edge(settings(house.nats_url, ports.port())) as url:
        dan = await Phone().dial(url, mint("dan-p5", "pilot", key=KEY))
        await nc.jetstream().delete_stream("DRIVERS")
        tries = await nc.subscribe("driver.disconnected.dan-p5")
        await nc.flush()
        await dan.hang_up()
        await tries.next_msg(timeout=PATIENCE)
        await bootstrap(house.nats_url)
        assert len(await Left(nc)("dan-p5")) == 1
    await nc.close()


async def test_nobody_answers_for_an_edge_that_was_killed(house: House, ports: Reservation) -> None:
    """C5, B13: kill -9, which lets it say nothing."""
    nc = await nats.connect(house.nats_url)
    async with edge_process(house.nats_url, ports.port()) as edge:
        await edge.until("/readyz", 200)
        dan = await Phone().dial(edge.url, mint("dan-p6", "pilot", key=KEY))
        asked = FindDriver(driver_id="dan-p6")
        edge_id = await find(nc, asked)
        assert edge_id is not None
        edge.process.kill()
        await gone(nc, asked)
        await gone(nc, FindEdge(edge_id=edge_id))
        await dan.gone.wait()
    await nc.close()


def status(driver_id: str, state: DriverState, version: int) -> DriverStatusChanged:
    return DriverStatusChanged(driver_id=driver_id, state=state, approved=True, version=version)


async def test_a_driver_whom_matching_took_offline_leaves_the_feed_and_is_back_when_it_is_online(
    dial: Dial, publish: Publish, mark: Mark
) -> None:
    """C4, C5, A7: whatever way it went; and a status that comes too late changes nothing."""
    dan = await dial("dan-p7", "pilot")
    assert (await dan.ask("pilot:online", {}))["ok"]

    async def hears_of_a_taken_job() -> bool:
        before = dan.names().count("job:accepted")
        await publish(made.feed_closed(made.job(), "other"))
        await mark(**{"dan-p7": dan})
        return dan.names().count("job:accepted") > before

    assert await hears_of_a_taken_job()
    await publish(status("dan-p7", DriverState.offline, 5))
    await mark(**{"dan-p7": dan})
    assert not await hears_of_a_taken_job()
    await publish(status("dan-p7", DriverState.available, 4))
    await mark(**{"dan-p7": dan})
    assert not await hears_of_a_taken_job()
    await publish(status("dan-p7", DriverState.available, 6))
    async with asyncio.timeout(PATIENCE):
        while not await hears_of_a_taken_job():
            await asyncio.sleep(0.05)
