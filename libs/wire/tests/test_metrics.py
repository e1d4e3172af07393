"""What every service says of itself: how far it is behind, what it waits for, how long it takes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from nats.aio.client import Client
from prometheus_client import REGISTRY
from sqlalchemy import text, update

from contracts.events import DriverState, JobCreated
from contracts.models import Model
from contracts.requests import DriverView, ViewDriver
from stack.house import House
from stack.ports import HOST, Reservation
from stack.ready import listens
from wire.connection import connect
from wire.consume import consume
from wire.http import create_app
from wire.inbox import once
from wire.lag import watch
from wire.outbox import Outbox
from wire.problem import ProblemError, conflict
from wire.rpc import Endpoint, request, serve
from wire.run import serve_http
from wire.settings import DatabaseSettings
from wire.sql import Database, OutboxRow, open_database

if TYPE_CHECKING:
    from libs.wire.tests.conftest import Line, Until

Settings = Callable[..., DatabaseSettings]


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def equals(number: float, name: str, **labels: str) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return sample(name, **labels) == number

    return holds


async def test_a_consumer_says_how_many_events_it_is_behind(
    line: "Line", database: Database, until: "Until"
) -> None:
    behind = {"consumer": line.consumer.durable}
    await line.send(*(line.event(number) for number in (1, 2, 3)))
    asking = asyncio.create_task(watch(line.nc, line.consumer, every=0.02))
    await until(equals(3, "waggle_consumer_pending", **behind))
    consuming = asyncio.create_task(consume(line.nc, line.consumer, once(database, "c", {})))
    await until(equals(0, "waggle_consumer_pending", **behind))
    for task in (asking, consuming):
        task.cancel()


async def test_events_that_fail_again_and_again_are_seen_to(
    line: "Line", database: Database, until: "Until"
) -> None:
    async def fail(*_: Any) -> None:
        raise ZeroDivisionError

    behind = {"consumer": line.consumer.durable}
    await line.send(line.event())
    asking = asyncio.create_task(watch(line.nc, line.consumer, every=0.02))
    apply = once(database, "c", {JobCreated: fail})
    consuming = asyncio.create_task(consume(line.nc, line.consumer, apply))
    await until(equals(1, "waggle_consumer_redelivered", **behind))
    assert sample("waggle_consumer_unacknowledged", **behind) == 1
    for task in (asking, consuming):
        task.cancel()


async def test_the_outbox_says_how_old_its_oldest_letter_is(
    line: "Line", database: Database, until: "Until"
) -> None:
    """Nothing is published, for this client was never connected."""
    async with database.transaction() as tx:
        tx.emit(line.event())
    async with database.sessions.begin() as session:
        await session.execute(update(OutboxRow).values(created_at=datetime.now(UTC) - timedelta(minutes=5)))
    sweeping = asyncio.create_task(Outbox().sweep(Client(), database, 0.02))
    await until(equals(1, "waggle_outbox_waiting"))
    assert 300 <= sample("waggle_outbox_oldest_seconds") < 400
    assert sample("waggle_database_up") == 1
    async with database.sessions.begin() as session:
        await session.execute(text("DELETE FROM outbox"))
    await until(equals(0, "waggle_outbox_oldest_seconds"))
    sweeping.cancel()


async def test_a_database_that_does_not_answer_is_said_to_be_away(
    nc: Client, settings: Settings, until: "Until"
) -> None:
    reservation = Reservation()
    nowhere = f"postgresql+asyncpg://nobody@{HOST}:{reservation.port()}/none"
    async with open_database(settings(database_url=nowhere), lambda _: None) as database:
        sweeping = asyncio.create_task(Outbox().sweep(nc, database, 0.02))
        await until(equals(0, "waggle_database_up"))
        sweeping.cancel()
    reservation.release()


async def test_the_pool_says_who_has_a_connection_and_who_waits_for_one(
    settings: Settings, database_url: str, until: "Until"
) -> None:
    release = asyncio.Event()
    chosen = settings(database_url=database_url, database_pool=1)
    async with open_database(chosen, lambda _: None) as database, asyncio.TaskGroup() as group:

        async def work() -> None:
            async with database.transaction() as tx:
                await tx.session.execute(text("SELECT 1"))
                await release.wait()

        for _ in range(3):
            group.create_task(work())
        await until(equals(2, "waggle_database_pool_waiting"))
        assert sample("waggle_database_pool_used") == sample("waggle_database_pool_size") == 1
        release.set()
    assert sample("waggle_database_pool_waiting") == 0


async def test_a_connection_to_the_bus_is_seen_to_go_and_come_back(nc: Client, house: House) -> None:
    async with connect(Client(), house.nats_url, name="watched") as client:
        assert sample("waggle_nats_connected") == 1
        await client.close()
        assert sample("waggle_nats_connected") == 0


async def answer(question: ViewDriver) -> Model:
    if question.driver_id == "taken":
        raise conflict("taken", "Taken")
    return DriverView(driver_id=question.driver_id, state=DriverState.busy, approved=True)


async def test_requests_are_timed_on_both_sides_by_what_became_of_them(nc: Client, house: House) -> None:
    name = {"request": ViewDriver.subject}

    def asked(outcome: str) -> float:
        return sample("waggle_request_client_seconds_count", outcome=outcome, **name)

    before = {outcome: asked(outcome) for outcome in ("ok", "refused", "unavailable")}
    served = sample("waggle_request_server_seconds_count", **name)
    async with (
        connect(Client(), house.nats_url, name="matching") as other,
        serve(other, "matching", "1.2.3", [Endpoint(ViewDriver, answer)]),
    ):
        await other.flush()
        await other.flush()  # the first PING may overtake the SUBs
        await request(nc, ViewDriver(driver_id="d"))
        with pytest.raises(ProblemError):
            await request(nc, ViewDriver(driver_id="taken"))
    with pytest.raises(ProblemError):
        await request(nc, ViewDriver(driver_id="d"))
    assert {outcome: asked(outcome) - count for outcome, count in before.items()} == dict.fromkeys(before, 1)
    assert sample("waggle_request_server_seconds_count", **name) - served == 2


async def test_a_method_that_a_client_made_up_is_no_label(settings: Settings) -> None:
    """Each would be a time series, and a client can make up as many as it likes."""
    reservation = Reservation()
    chosen = settings(http_port=reservation.port())
    serving = asyncio.create_task(serve_http(create_app("test", "1.2.3", chosen, {}), chosen))
    await listens(chosen.http_port)
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{chosen.http_port}") as http:
        await http.request("MADEUP", "/no/such/page")
        figures = (await http.get("/metrics")).text
    assert 'waggle_http_request_seconds_count{method="other",route="unrouted",status="404"}' in figures
    assert "MADEUP" not in figures
    serving.cancel()
    await asyncio.wait({serving})
    reservation.release()


async def test_what_is_committed_is_committed_whatever_is_called_afterwards(
    database: Database, line: "Line"
) -> None:
    called: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    async with database.transaction() as tx:
        tx.emit(line.event())
        tx.afterwards += [fail, lambda: called.append("the next one")]
    assert called == ["the next one"]
