import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx
import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client

from contracts.events import Event
from realtime.main import main
from realtime.settings import Settings
from stack.house import House
from stack.parts import parts
from stack.ports import Reservation
from stack.tokens import Role, mint
from wire.bootstrap import bootstrap
from wire.envelope import seal
from wire.publish import post

from .made import notification
from .neighbours import Neighbours
from .phone import Phone

KEY = "a secret for tests, of 32 bytes or more"

OpenEdge = Callable[..., Awaitable[str]]
Dial = Callable[..., Awaitable[Phone]]
Publish = Callable[..., Awaitable[None]]
Mark = Callable[..., Awaitable[None]]


@pytest_asyncio.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    """Parts of one's own, for those that stop them or look at the server's figures."""
    async with parts() as house:
        await bootstrap(house.nats_url)
        yield house


@pytest_asyncio.fixture(scope="module")
async def nc(nats_url: str) -> AsyncIterator[Client]:
    """The tests' own connection."""
    nc = await nats.connect(nats_url)
    yield nc
    await nc.close()


@pytest.fixture(scope="module", params=["fast", "socketio"])
def engine(request: pytest.FixtureRequest) -> str:
    """Whatever the edge does, it does on both Socket.IO engines."""
    return str(request.param)


@pytest_asyncio.fixture(scope="module")
async def neighbours(nc: Client, engine: str) -> AsyncIterator[Neighbours]:  # anew for each
    neighbours = Neighbours()
    async with neighbours.at_home(nc):
        yield neighbours


@pytest.fixture(scope="session")
def ports() -> Iterator[Reservation]:
    reservation = Reservation()
    yield reservation
    reservation.release()


def settings(nats_url: str, port: int, **changed: object) -> Settings:
    return Settings.model_validate(
        {
            "nats_url": nats_url,
            "http_port": port,
            "jwt_key": KEY,
            "drain_seconds": 3,
            "drain_spread_seconds": 0,
            **changed,
        }
    )


@contextlib.asynccontextmanager
async def running_edge(settings: Settings) -> AsyncIterator[str]:
    """One edge in this process; its URL, once it is ready."""
    task = asyncio.create_task(main(settings))
    url = f"http://127.0.0.1:{settings.http_port}"
    try:
        async with httpx.AsyncClient() as client:
            while not task.done():
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get(f"{url}/readyz")).status_code == 200:
                        break
                await asyncio.sleep(0.02)
        yield url
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest_asyncio.fixture(scope="module")
async def edge(nats_url: str, ports: Reservation, engine: str) -> AsyncIterator[str]:
    """The edge that most tests dial."""
    async with running_edge(settings(nats_url, ports.port(), engine=engine)) as url:
        yield url


@pytest.fixture
async def open_edge(nats_url: str, ports: Reservation, engine: str) -> AsyncIterator[OpenEdge]:
    """An edge of one's own, with settings of one's own."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**changed: object) -> str:
            chosen = settings(nats_url, ports.port(), **{"engine": engine, **changed})
            return await stack.enter_async_context(running_edge(chosen))

        yield start


@pytest.fixture
async def dial(edge: str, neighbours: Neighbours) -> AsyncIterator[Dial]:  # they greet
    """Connect somebody, to the common edge unless another is named."""
    phones: list[Phone] = []

    async def start(sub: str, role: Role, url: str = edge, *transports: str) -> Phone:
        phones.append(Phone())
        phone = await phones[-1].dial(url, mint(sub, role, key=KEY), *transports)
        if role != "admin":
            await phone.greeted()
        return phone

    yield start
    for phone in phones:
        await phone.hang_up()


@pytest.fixture
def publish(nc: Client) -> Publish:
    """Publish events to their stream, as the services do."""

    async def start(*events: Event) -> None:
        for event in events:
            await post(nc.jetstream(), seal(event))

    return start


@pytest.fixture
def mark(publish: Publish) -> Mark:
    """Whatever was published before has been delivered to these people when this returns."""

    async def start(**phones: Phone) -> None:
        for person, phone in phones.items():
            event = notification(person)
            await publish(event)
            while (await phone.next("notification"))["id"] != str(event.notification_id):
                pass

    return start
