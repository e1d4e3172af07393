"""How often a card shows another position (C3). The clock is the test's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from contracts.events import JobTracked
from contracts.ids import new_id
from contracts.models import DriverCard, Identity, Job, JobStatus, Role
from push import activities, activity_usecases
from push.activities import LiveActivityRow
from push.activity import Step
from push.notifier import Environment
from wire.sql import Transaction

World = Any
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
THROTTLE, LEASE = timedelta(seconds=15), timedelta(seconds=7)


@dataclass
class Cards:
    """The rows, at whatever second the test says it is."""

    engine: AsyncEngine

    @asynccontextmanager
    async def at(self, second: float) -> AsyncIterator[Transaction]:
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            yield Transaction(session, NOW + timedelta(seconds=second))

    async def add(self) -> UUID:
        """A booking with a driver and a card, whose status the phone has; its id."""
        job = Job(
            id=new_id(),
            number="WG-000001",
            customer_id="ann",
            service_type="courier",
            status=JobStatus.en_route,
            version=3,
            total_price=45,
            driver=DriverCard(id="dan", name="Dan"),
            created_at=NOW,
            updated_at=NOW,
        )
        ann = Identity(subject="ann", role=Role.user)
        card = activity_usecases.Registration(new_id().hex * 5, "app", Environment.production)
        async with self.at(0) as tx:
            await activity_usecases.register(tx, ann, card, job)
        [claimed] = await self.take(0, urgent=True)
        await self.settle(0, claimed, Step())
        return job.id

    async def drive(
        self, job_id: UUID, second: float, driver: str = "dan", recorded: float | None = None
    ) -> bool:
        """Whether a position, of the second `recorded`, is taken onto the card at this second."""
        at = NOW + timedelta(seconds=second if recorded is None else recorded)
        track = JobTracked(job_id=job_id, driver_id=driver, lat=second, lng=0, recorded_at=at)
        async with self.at(second) as tx:
            return await activity_usecases.move(tx, {job_id: track}, THROTTLE)

    async def take(self, second: float, *, urgent: bool = False) -> list[LiveActivityRow]:
        async with self.at(second) as tx:
            return await activities.claim(tx.session, tx.now, LEASE, 10, urgent=urgent)

    async def settle(self, second: float, claimed: LiveActivityRow, step: Step) -> None:
        async with self.at(second) as tx:
            await activities.settle(tx.session, claimed, step, tx.now)


@pytest.fixture
async def cards(stopped: World) -> AsyncIterator[Cards]:
    engine = create_async_engine(stopped.database_url)
    yield Cards(engine)
    await engine.dispose()


async def test_a_card_shows_a_position_at_most_once_in_the_throttle(cards: Cards) -> None:
    """C3"""
    job_id = await cards.add()
    assert [second for second in range(1, 50) if await cards.drive(job_id, second)] == [1, 16, 31, 46]


async def test_only_the_bookings_driver_moves_and_only_forward_in_time(cards: Cards) -> None:
    """C3: a position that went another way round and comes late is none."""
    job_id = await cards.add()
    assert not await cards.drive(job_id, 1, driver="eve")
    assert await cards.drive(job_id, 2)
    assert not await cards.drive(job_id, 20, recorded=1)
    assert await cards.drive(job_id, 21)


async def test_a_position_that_comes_during_an_attempt_is_sent_after_it(cards: Cards) -> None:
    """C3: the attempt is slower than the throttle."""
    job_id = await cards.add()
    await cards.drive(job_id, 1)
    [claimed] = await cards.take(1)
    assert await cards.drive(job_id, 17)
    await cards.settle(18, claimed, Step())
    [again] = await cards.take(18)
    assert (claimed.position["driverLat"], again.position["driverLat"]) == (1, 17)


async def test_a_position_does_not_hasten_a_retry(cards: Cards) -> None:
    """C3: it is what the retry will show."""
    job_id = await cards.add()
    await cards.drive(job_id, 1)
    [claimed] = await cards.take(1)
    await cards.settle(1, claimed, Step(failures=1, next_at=NOW + timedelta(seconds=60)))
    assert await cards.drive(job_id, 20)
    assert await cards.take(59) == []
    [retried] = await cards.take(60)
    assert retried.position["driverLat"] == 20


async def test_a_card_under_way_is_nobody_elses_until_its_lease_ends(cards: Cards) -> None:
    """B13: whoever had it may have died; what comes of its attempt does not count any more."""
    job_id = await cards.add()
    await cards.drive(job_id, 1)
    [late] = await cards.take(1)
    assert await cards.take(7.9) == []
    [again] = await cards.take(8)
    await cards.settle(9, again, Step(failures=1, next_at=NOW + timedelta(seconds=11)))
    await cards.settle(10, late, Step())
    [retried] = await cards.take(11)
    assert late.stamp < again.stamp < retried.stamp


async def test_the_timestamp_grows_though_no_second_has_passed(cards: Cards) -> None:
    """A phone drops what is not newer than what it has, in whole seconds."""
    job_id = await cards.add()
    await cards.drive(job_id, 0.1)
    [first] = await cards.take(0.1)
    await cards.settle(0.2, first, Step(failures=1, next_at=NOW + timedelta(seconds=0.3)))
    [second] = await cards.take(0.3)
    assert second.stamp == first.stamp + 1
