"""What nats-server does not permit is said at once, and holds up nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from prometheus_client import REGISTRY
from sqlalchemy import func, select
from sqlmodel import col

from contracts.access import BOOTSTRAP
from contracts.events import DriverDisconnected
from contracts.streams import BOOKING_DISPATCH
from stack.house import House
from stack.running import running
from wire.access import Access
from wire.bootstrap import bootstrap
from wire.connection import check, connect
from wire.envelope import Letter, seal
from wire.outbox import Outbox
from wire.publish import PUBLISH_TIMEOUT, post
from wire.pull import messages
from wire.refusals import NotPermittedError
from wire.sql import Database, OutboxRow

if TYPE_CHECKING:
    from libs.wire.tests.conftest import OpenDatabase, Until


@pytest_asyncio.fixture(scope="module")
async def guarded() -> AsyncIterator[House]:
    async with running(services=(), caddy=False, apns=False, durable=False) as house:
        await bootstrap(house.nats_url, Access(house.plan.bus.seeds[BOOTSTRAP]))
        yield house


@asynccontextmanager
async def service(house: House, name: str) -> AsyncIterator[Client]:
    """On the bus as this service is."""
    access = Access(house.plan.bus.seeds[name])
    async with connect(Client(), house.nats_url, name=name, access=access, drain_seconds=5) as nc:
        yield nc


def gone(driver: str) -> Letter:
    return seal(DriverDisconnected(driver_id=driver, disconnected_at=datetime.now(UTC)))


def refusals(act: str) -> float:
    return REGISTRY.get_sample_value("waggle_nats_not_permitted_total", {"act": act}) or 0


async def test_a_publication_that_is_not_permitted_fails_at_once_and_is_counted(guarded: House) -> None:
    """Not only when the time for an acknowledgement is over; and what is permitted goes on."""
    before = refusals("publish")
    async with service(guarded, "booking") as booking, service(guarded, "realtime") as realtime:
        async with asyncio.timeout(PUBLISH_TIMEOUT):
            with pytest.raises(NotPermittedError, match=r"driver\.disconnected\.Ann"):
                await post(booking.jetstream(), gone("Ann"))
        await post(realtime.jetstream(), gone("Ann"))
    assert refusals("publish") == before + 1


async def test_of_two_at_once_only_the_one_that_is_not_permitted_fails(guarded: House) -> None:
    async with service(guarded, "realtime") as realtime:
        js, foreign = realtime.jetstream(), gone("Bob")
        foreign = Letter(foreign.id, "offer.created.a.b.c", foreign.headers, foreign.body)
        told = await asyncio.gather(
            post(js, gone("Bob")), post(js, foreign), post(js, gone("Cy")), return_exceptions=True
        )
    assert [type(one) for one in told] == [type(None), NotPermittedError, type(None)]


async def test_a_letter_that_is_not_permitted_holds_up_no_others(
    guarded: House, open_here: "OpenDatabase", until: "Until"
) -> None:
    """It stays where it can be looked at; those behind it go out."""
    outbox = Outbox()
    async with service(guarded, "realtime") as nc, open_here(outbox.hand_over) as database:
        async with database.sessions.begin() as session:
            for number in range(301):
                letter, now = gone("z"), datetime.now(UTC)
                subject = letter.subject if number == 300 else f"offer.created.a.b.{number}"
                session.add(
                    OutboxRow(
                        id=letter.id,
                        subject=subject,
                        headers=letter.headers,
                        body=letter.body,
                        created_at=now,
                    )
                )

        async def only_the_foreign_are_left() -> bool:
            return await left(database, "driver.%") == 0 and await left(database, "offer.%") == 300

        sweeping = asyncio.create_task(outbox.sweep(nc, database, 0.1))
        await until(only_the_foreign_are_left)
        sweeping.cancel()
        await asyncio.wait({sweeping})


async def left(database: Database, subjects: str) -> int:
    found = select(func.count()).select_from(OutboxRow).where(col(OutboxRow.subject).like(subjects))
    async with database.sessions() as session:
        return int(await session.scalar(found) or 0)


async def test_a_subscription_that_is_not_permitted_is_counted(guarded: House, until: "Until") -> None:
    before = refusals("subscription")
    async with service(guarded, "push") as nc:
        await nc.subscribe("driver.location.>")

        async def told() -> bool:
            return refusals("subscription") == before + 1

        await until(told)
        assert nc.is_connected


async def test_a_service_on_anothers_consumer_gets_nothing_and_is_not_ready(guarded: House) -> None:
    async with service(guarded, "push") as push:
        async with aclosing(messages(push, BOOKING_DISPATCH)) as stolen:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await anext(stolen)
        with pytest.raises(nats.errors.TimeoutError):
            await check(push, BOOKING_DISPATCH)()
