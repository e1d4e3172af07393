"""An edge that was cut off from the bus, while its sockets stayed: nothing is missed (C7)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from realtime import mend
from realtime.arrivals import Arrivals
from stack.ports import Reservation
from stack.tokens import mint

from . import made
from .conftest import KEY, Mark, Publish, running_edge, settings
from .phone import Phone

pytestmark = pytest.mark.usefixtures("neighbours")


class Cable:
    """Between an edge and the bus; can be cut, and mended."""

    def __init__(self, nats_url: str) -> None:
        self._to = urlsplit(nats_url)
        self._ends: set[asyncio.StreamWriter] = set()
        self.is_cut = False
        self.joined = asyncio.Event()

    def cut(self) -> None:
        self.is_cut = True
        self.joined.clear()
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        back, on = await asyncio.open_connection(self._to.hostname, self._to.port)
        self._ends |= {writer, on}
        self.joined.set()
        await asyncio.gather(self._copy(reader, on), self._copy(back, writer))

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
            writer.close()


@asynccontextmanager
async def cable(nats_url: str) -> AsyncIterator[tuple[Cable, str]]:
    """It, and the bus's URL at its other end."""
    made_of = Cable(nats_url)
    server = await asyncio.start_server(made_of.carry, "127.0.0.1", 0)
    async with server:
        try:
            yield made_of, f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            made_of.cut()


async def test_what_happened_meanwhile_is_told_in_order_before_what_comes_after(
    nats_url: str, ports: Reservation, engine: str, publish: Publish, mark: Mark
) -> None:
    """C7, invariant 8: also to clients that notice nothing of it."""
    async with (
        cable(nats_url) as (wire, url),
        running_edge(settings(url, ports.port(), engine=engine)) as edge,
    ):
        ann = await Phone().dial(edge, mint("ann-co1", "user", key=KEY))
        bob = await Phone().dial(edge, mint("bob-co1", "user", key=KEY), recover=True)
        for phone in (ann, bob):
            await phone.greeted()
        await mark(**{"ann-co1": ann, "bob-co1": bob})
        wire.cut()
        missed = [f"missed {n}" for n in range(30)]
        for title in missed:
            await publish(made.notification("ann-co1", title), made.notification("bob-co1", title))
        wire.is_cut = False
        await wire.joined.wait()
        await publish(made.notification("ann-co1", "after"), made.notification("bob-co1", "after"))
        for phone in (ann, bob):
            titles: list[str] = []
            while not titles or titles[-1] != "after":
                titles.append((await phone.next("notification"))["title"])
            assert titles == [*missed, "after"]
        offset = bob.offset
        await bob.hang_up()
        again = await Phone().dial(edge, mint("bob-co1", "user", key=KEY), recover=True, offset=offset)
        await mark(**{"bob-co1": again})
        assert [payload["title"] for name, payload in again.events if name == "notification"] == ["Hello"]
        for phone in (ann, again):
            await phone.hang_up()


async def test_after_too_long_everybody_is_sent_to_connect_again(
    nats_url: str,
    ports: Reservation,
    engine: str,
    publish: Publish,
) -> None:
    """C7: without a word, so that official clients come back by themselves."""
    before, mend.MOST_MISSED = mend.MOST_MISSED, 5
    try:
        async with (
            cable(nats_url) as (wire, url),
            running_edge(settings(url, ports.port(), engine=engine)) as edge,
        ):
            ann = await Phone().dial(edge, mint("ann-co2", "user", key=KEY))
            await ann.greeted()
            wire.cut()
            for _ in range(6):
                await publish(made.notification("ann-co2"))
            wire.is_cut = False
            async with asyncio.timeout(60):
                await ann.gone.wait()
            assert "notification" not in [name for name, _ in ann.events]
    finally:
        mend.MOST_MISSED = before


async def test_what_there_was_no_room_for_is_marked_as_missing(nc: Client, nats_url: str) -> None:
    """C7: a line that is full says so once, when it was worked off, and then goes on."""
    arrivals = Arrivals(most=2)
    own = await nats.connect(nats_url)
    await arrivals.listen(own, "full.*")
    await own.flush()
    await own.flush()
    for n in range(4):
        await nc.publish(f"full.{n}", b"")
    await nc.flush()
    await own.flush()
    await own.flush()
    assert [_name(await arrivals.take()) for _ in range(3)] == ["full.0", "full.1", None]
    await nc.publish("full.5", b"")
    assert _name(await arrivals.take()) == "full.5"
    await own.close()


def _name(message: Msg | None) -> str | None:
    return message.subject if message else None


async def test_the_order_is_the_servers_whatever_subscription_it_came_by(nc: Client, nats_url: str) -> None:
    """C7: nats-py alone hands over one subscription's messages after the other's."""
    arrivals = Arrivals()
    own = await nats.connect(nats_url)
    for subject in ("order.a.*", "order.b.*"):
        await arrivals.listen(own, subject)
    await own.flush()
    await own.flush()
    sent = [f"order.{'ab'[n % 2]}.{n}" for n in range(200)]
    for subject in sent:
        await nc.publish(subject, b"")
    async with asyncio.timeout(60):
        assert [_name(await arrivals.take()) for _ in sent] == sent
    await own.close()
