"""The edge while its neighbours or the bus are away; on a bus of its own."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import nats
import pytest_asyncio
from nats.aio.client import Client

from stack.house import House
from stack.ports import Reservation
from stack.tokens import mint
from wire.envelope import seal
from wire.publish import post

from . import made
from .conftest import KEY, running_edge, settings
from .neighbours import Neighbours
from .phone import Phone


@pytest_asyncio.fixture
async def bus(house: House) -> AsyncIterator[Client]:
    nc = await nats.connect(house.nats_url, max_reconnect_attempts=-1, reconnect_time_wait=0.1)
    yield nc
    await nc.close()


async def test_a_connection_stands_while_booking_is_away_and_is_restored_later(
    house: House, bus: Client, ports: Reservation
) -> None:
    """C7, A11: the snapshot comes when booking does."""
    async with running_edge(settings(house.nats_url, ports.port())) as url:
        ann = await Phone().dial(url, mint("ann-o1", "user", key=KEY))
        await post(bus.jetstream(), seal(made.created(made.job("ann-o1"))))
        await ann.next("booking:created")
        refused = await ann.ask("booking:retry", {"bookingId": str(made.job().id)})
        assert refused["error"]["code"] == "unavailable"
        assert "booking:snapshot" not in ann.names()
        neighbours = Neighbours()
        job = neighbours.add(made.job("ann-o1"))
        async with neighbours.at_home(bus):
            [booking] = (await ann.next("booking:snapshot"))["bookings"]
            assert booking["bookingId"] == str(job.id)
        await ann.hang_up()


async def test_after_the_bus_was_away_everything_goes_on(
    house: House, bus: Client, ports: Reservation
) -> None:
    """B13: sockets stay, new ones are sent away meanwhile, subscriptions are made again."""
    async with running_edge(settings(house.nats_url, ports.port())) as url:
        ann = await Phone().dial(url, mint("ann-o2", "user", key=KEY))
        await house.stop("nats")
        async with httpx.AsyncClient(base_url=url) as client:
            for path in ("/socket.io/?EIO=4&transport=polling", "/readyz"):
                assert (await client.get(path)).status_code == 503
        assert not ann.gone.is_set()
        await house.start("nats")
        async with asyncio.timeout(60):
            while "booking:created" not in ann.names():
                if bus.is_connected:
                    await post(bus.jetstream(), seal(made.created(made.job("ann-o2"))))
                await asyncio.sleep(0.2)
        eve = await Phone().dial(url, mint("eve-o2", "user", key=KEY))
        for phone in (ann, eve):
            await phone.hang_up()
