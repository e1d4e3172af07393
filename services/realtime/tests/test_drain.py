"""An edge is ended: its clients go a few at a time, lose nothing, and are at another edge soon (B13)."""

import asyncio
import signal

import pytest
import pytest_asyncio

from stack.house import House
from stack.ports import Reservation
from stack.tokens import mint

from . import made
from .conftest import KEY, Mark, Publish, running_edge, settings
from .loyal import Loyal, balancer
from .neighbours import Neighbours
from .phone import Phone
from .processes import EdgeProcess, edge_process

pytestmark = pytest.mark.usefixtures("neighbours")


@pytest_asyncio.fixture(scope="module")
async def nats_url(house: House) -> str:
    """A server of our own."""
    return house.nats_url


async def heard_by_any(phones: dict[str, Phone], publish: Publish) -> None:
    """Publish something for each of them, and wait until one was told."""
    hearing = {asyncio.create_task(phone.next("notification")) for phone in phones.values()}
    await publish(*map(made.notification, phones))
    done, waiting = await asyncio.wait(hearing, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    assert all(task.result() for task in done)


async def refuses(edge: EdgeProcess) -> None:
    assert await edge.status("/readyz") == 503
    assert await edge.status("/socket.io/?EIO=4&transport=polling") == 503


async def test_clients_are_sent_away_a_few_at_a_time(
    house: House, ports: Reservation, engine: str, neighbours: Neighbours, publish: Publish
) -> None:
    """B13: who is still here is served as ever, what is under way is answered, and nobody new comes in."""
    asked, release = asyncio.Event(), asyncio.Event()

    async def think() -> None:
        asked.set()
        await release.wait()

    job = neighbours.add(made.job("ann-d0"))
    neighbours.meanwhile[job.id] = think
    async with edge_process(house.nats_url, ports.port(), engine=engine, drain_spread_seconds=4) as edge:
        await edge.until("/readyz", 200)
        phones = {
            f"ann-d{n}": await Phone().dial(edge.url, mint(f"ann-d{n}", "user", key=KEY)) for n in range(30)
        }
        busy = phones.pop("ann-d0")
        under_way = asyncio.create_task(busy.ask("booking:subscribe", {"bookingId": str(job.id)}))
        await asked.wait()
        leaving = {asyncio.create_task(phone.gone.wait()) for phone in phones.values()}
        edge.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            await asyncio.wait(leaving, return_when=asyncio.FIRST_COMPLETED)
            here = {name: phone for name, phone in phones.items() if not phone.gone.is_set()}
            await asyncio.gather(heard_by_any(here, publish), refuses(edge))
            release.set()
            assert "ok" in await under_way  # true, unless this took longer than a request may
            await asyncio.wait(leaving)
            await busy.gone.wait()
            assert await edge.process.wait() == 0


async def test_a_client_is_at_another_edge_soon_and_has_missed_nothing(
    house: House, ports: Reservation, engine: str, publish: Publish, mark: Mark
) -> None:
    """B13, C7: by itself, through a balancer that sends it to the one that ends once more."""
    titles: list[str] = []

    async def say() -> None:
        titles.append(f"n{len(titles)}")
        await publish(made.notification("ann-d", titles[-1]))

    two = settings(house.nats_url, ports.port(), engine=engine)
    async with (
        edge_process(house.nats_url, ports.port(), engine=engine, drain_spread_seconds=1) as one,
        running_edge(two) as other,
        balancer(ports.port(), one.url, one.url, other) as url,
    ):
        await one.until("/readyz", 200)
        ann = await Loyal().dial(url, mint("ann-d", "user", key=KEY), recover=True)
        await ann.greeted()
        pid = ann.pid
        await say()
        one.process.send_signal(signal.SIGTERM)
        coming = asyncio.create_task(ann.came(2))
        while not coming.done() and len(titles) < 300:  # with more to tell it would be given a snapshot
            await say()
            await asyncio.wait({coming}, timeout=0.02)
        await coming
        await say()
        await mark(**{"ann-d": ann})
        told = [payload["title"] for name, payload in ann.events if name == "notification"]
        assert [title for title in told if title != "Hello"] == titles
        assert (ann.pid, ann.names()) == (pid, ["booking:snapshot"])
        await ann.hang_up()
        assert await one.process.wait() == 0
