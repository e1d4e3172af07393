"""The queue itself, without anybody who sends: what may be claimed, and in which order. The interleavings are
forced: transactions are held open, and it is waited until others wait for them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from contracts.ids import new_id
from contracts.models import Identity, Role
from push import deliveries, domain, usecases
from push.deliveries import Claim, Settled
from push.delivery import State, Step
from push.notifier import Channel, Environment, Platform
from push.usecases import News, Registration
from wire.sql import Database, Transaction, open_database

LEASE = timedelta(seconds=7)
SENT = Step(State.sent, None)
World = Any


@dataclass
class Queue:
    """The database, and what tests do with it. `now` is when claims are made: later than all that a test does
    by the real clock, however slow."""

    database: Database
    now: datetime

    async def device(self, user: str, token: str | None = None, **changes: Any) -> str:
        given = {"platform": Platform.ios, "app": "app", "environment": Environment.production} | changes
        device = Registration(token or new_id().hex * 2, **given)
        async with self.database.transaction() as tx:
            await usecases.register(tx, Identity(subject=user, role=Role.user), device)
        return device.token

    async def tell(self, *news: News, tx: Transaction | None = None) -> None:
        if tx:
            await usecases.record(tx, list(news))
            return
        async with self.database.transaction() as own:
            await usecases.record(own, list(news))

    async def claim(self, channel: Channel = Channel.apns, later: float = 0, limit: int = 50) -> Claim:
        async with self.database.transaction() as tx:
            now = self.now + timedelta(seconds=later)
            return await deliveries.claim(tx.session, channel, now, LEASE, limit)

    async def settle(self, claim: Claim, step: Step) -> None:
        (one,) = claim.ready
        async with self.database.transaction() as tx:
            await deliveries.settle(tx.session, [Settled(one.delivery.id, one.attempt, step)], tx.now)

    async def states(self) -> list[str]:
        """In order of what happened."""
        async with self.database.engine.connect() as connection:
            return list(await connection.scalars(text("SELECT state FROM delivery ORDER BY happened_at")))

    async def until_somebody_waits(self) -> None:
        """For a lock that another transaction has."""
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        async with asyncio.timeout(30), self.database.engine.connect() as connection:
            own = await connection.execution_options(isolation_level="AUTOCOMMIT")
            while not await own.scalar(waiting):
                await asyncio.sleep(0.01)


@pytest.fixture
async def queue(stopped: World) -> AsyncIterator[Queue]:
    async with open_database(stopped.settings(), lambda _letters: None) as database:
        yield Queue(database, datetime.now(UTC) + timedelta(minutes=1))


def news(user: str, job: UUID, minute: int = 0, **offer: Any) -> News:
    """What happened to this job at that minute."""
    at = datetime(2026, 11, 20, 12, minute, tzinfo=UTC)
    told = domain.cancelled(user, job, datetime.now(UTC))
    return News(told, new_id(), at, **offer)


def titles(claim: Claim) -> list[datetime]:
    return [one.delivery.happened_at for one in claim.ready]


async def test_news_that_waits_gives_way_to_later_news_of_the_same_job(queue: Queue) -> None:
    """C12: the phone would show the one that comes last."""
    await queue.device("ann")
    job, older, newer = new_id(), 1, 2
    await queue.tell(news("ann", job, older))
    await queue.tell(news("ann", job, newer))
    assert await queue.states() == ["superseded", "pending"]
    await queue.tell(news("ann", new_id(), 3))
    assert [at.minute for at in titles(await queue.claim())] == [newer, 3]


async def test_news_that_is_heard_after_later_news_is_not_sent(queue: Queue) -> None:
    """C12: the bus may turn them round."""
    await queue.device("ann")
    job = new_id()
    await queue.tell(news("ann", job, 2))
    await queue.settle(await queue.claim(), SENT)
    await queue.tell(news("ann", job, 1))
    claim = await queue.claim()
    assert (claim.ready, await queue.states()) == ([], ["superseded", "sent"])


async def test_of_several_in_one_batch_only_the_latest_is_sent(queue: Queue) -> None:
    await queue.device("ann")
    job = new_id()
    await queue.tell(*(news("ann", job, minute) for minute in (2, 3, 1)))
    assert [at.minute for at in titles(await queue.claim())] == [3]
    assert await queue.states() == ["superseded", "superseded", "pending"]


@pytest.mark.parametrize(("step", "state"), [(SENT, "sent"), (None, "superseded")], ids=["sent", "retry"])
async def test_while_older_news_is_on_its_way_later_news_waits(
    queue: Queue, step: Step | None, state: str
) -> None:
    """C12: else the older one might come last. Whatever becomes of it, it is not sent again."""
    await queue.device("ann")
    job = new_id()
    await queue.tell(news("ann", job, 1))
    on_its_way = await queue.claim()
    await queue.tell(news("ann", job, 2))
    assert (await queue.claim()).ready == []
    await queue.settle(on_its_way, step or Step(State.pending, "503", queue.now))
    assert [at.minute for at in titles(await queue.claim())] == [2]
    assert await queue.states() == [state, "pending"]


async def test_later_news_waits_no_longer_than_its_predecessors_sender_can_live(queue: Queue) -> None:
    """A11: it was killed."""
    await queue.device("ann")
    job = new_id()
    await queue.tell(news("ann", job, 1))
    await queue.claim()
    await queue.tell(news("ann", job, 2))
    seconds = LEASE.total_seconds()
    assert (await queue.claim(later=seconds - 1)).ready == []
    assert [at.minute for at in titles(await queue.claim(later=seconds + 1))] == [2]
    assert await queue.states() == ["superseded", "pending"]


async def test_later_news_sees_a_claim_that_is_made_at_the_same_moment(queue: Queue) -> None:
    """C12: two replicas. One claims the older news and has not committed; the other hears of later news."""
    await queue.device("ann")
    job = new_id()
    await queue.tell(news("ann", job, 1))
    async with queue.database.transaction() as replica:
        claimed = await deliveries.claim(replica.session, Channel.apns, queue.now, LEASE, 50)
        telling = asyncio.create_task(queue.tell(news("ann", job, 2)))
        await queue.until_somebody_waits()
    await telling
    assert len(claimed.ready) == 1
    assert (await queue.claim()).ready == []
    assert await queue.states() == ["pending", "pending"]


async def test_news_of_two_replicas_at_the_same_moment_know_of_each_other(queue: Queue) -> None:
    """C12: the older is recorded and not committed when the later is to be."""
    await queue.device("ann")
    job = new_id()
    async with queue.database.transaction() as replica:
        await queue.tell(news("ann", job, 1), tx=replica)
        telling = asyncio.create_task(queue.tell(news("ann", job, 2)))
        await queue.until_somebody_waits()
    await telling
    assert await queue.states() == ["superseded", "pending"]


async def end(queue: Queue, ended: UUID) -> None:
    async with queue.database.transaction() as tx:
        await usecases.offers_ended(tx, {ended})


async def test_an_offer_whose_end_is_applied_while_it_is_recorded_is_not_claimed(queue: Queue) -> None:
    """B4, B9: two replicas. The end is committed first, and has not seen the offer."""
    await queue.device("dan")
    offer_id = new_id()
    async with queue.database.transaction() as replica:
        await queue.tell(news("dan", new_id(), offer_id=offer_id, search_id=new_id()), tx=replica)
        await end(queue, offer_id)
    assert await queue.states() == ["pending"]
    assert (await queue.claim()).ready == []
    assert await queue.states() == ["withdrawn"]


async def test_an_offer_that_waits_ends_at_once_with_its_search_or_alone(queue: Queue) -> None:
    """B4, B9: whether anybody claims or not. Other offers stay."""
    await queue.device("dan")
    offers, search = [new_id() for _ in range(3)], new_id()
    for minute, offer_id in enumerate(offers):
        of = search if minute == 0 else new_id()
        await queue.tell(news("dan", new_id(), minute, offer_id=offer_id, search_id=of))
    await end(queue, search)
    assert await queue.states() == ["withdrawn", "pending", "pending"]
    await end(queue, offers[1])
    assert await queue.states() == ["withdrawn", "withdrawn", "pending"]


async def test_an_offer_on_its_way_when_it_ends_is_not_tried_again(queue: Queue) -> None:
    """B4: what was sent stays sent; what was refused is looked at again."""
    sent, refused, search = await queue.device("dan"), await queue.device("eve"), new_id()
    for driver in ("dan", "eve"):
        await queue.tell(news(driver, new_id(), offer_id=new_id(), search_id=search))
    claim = await queue.claim()
    await end(queue, search)
    steps = {sent: SENT, refused: Step(State.pending, "503", queue.now)}
    for one in claim.ready:
        await queue.settle(replace(claim, ready=[one]), steps[one.delivery.token])
    assert (await queue.claim()).ready == []
    assert sorted(await queue.states()) == ["sent", "withdrawn"]


async def test_each_channel_claims_its_own(queue: Queue) -> None:
    """A11"""
    tokens = {
        Channel.apns: await queue.device("ann"),
        Channel.apns_sandbox: await queue.device("ann", environment=Environment.sandbox),
        Channel.fcm: await queue.device("ann", "f" * 63 + ":", platform=Platform.android),
    }
    await queue.tell(news("ann", new_id()))
    for channel, token in tokens.items():
        assert [one.delivery.token for one in (await queue.claim(channel)).ready] == [token]


async def test_a_phone_registered_as_something_else_is_not_reached_by_its_old_channel(queue: Queue) -> None:
    """A10"""
    token = await queue.device("ann")
    await queue.tell(news("ann", new_id()))
    await queue.device("ann", token, environment=Environment.sandbox)
    assert (await queue.claim()).ready == []
    assert await queue.states() == ["dropped"]


async def test_what_waits_for_a_phone_is_dropped_when_it_becomes_somebody_elses(queue: Queue) -> None:
    """A10: at once; what is on its way then, before its next attempt."""
    token = await queue.device("old")
    await queue.tell(news("old", new_id(), 1))
    on_its_way = await queue.claim()
    await queue.tell(news("old", new_id(), 2))
    await queue.device("new", token)
    assert await queue.states() == ["pending", "dropped"]
    await queue.settle(on_its_way, Step(State.pending, "503", queue.now))
    assert (await queue.claim()).ready == []
    assert await queue.states() == ["dropped", "dropped"]


async def test_what_is_past_its_deadline_ends_though_nobody_claims_it(queue: Queue) -> None:
    """B4: the reason of its last failure stays. What is on its way is left to its sender."""
    for user in ("ann", "bob"):
        await queue.device(user)
    late = datetime.now(UTC) + timedelta(hours=2)
    await queue.tell(news("ann", new_id(), 1))
    await queue.settle(await queue.claim(), Step(State.pending, "503 ServiceUnavailable", late))
    await queue.tell(news("bob", new_id(), 2))
    async with queue.database.transaction() as tx:
        await deliveries.claim(tx.session, Channel.apns, queue.now, timedelta(hours=3), 50)
        assert await deliveries.expire(tx.session, late, 50) == 1
    async with queue.database.engine.connect() as connection:
        rows = await connection.execute(text("SELECT state, last_reason FROM delivery ORDER BY happened_at"))
    assert list(rows) == [("expired", "503 ServiceUnavailable"), ("pending", None)]


async def test_an_outcome_that_comes_after_somebody_else_took_over_changes_nothing(queue: Queue) -> None:
    """A11: the lease had ended."""
    await queue.device("ann")
    await queue.tell(news("ann", new_id()))
    slow = await queue.claim()
    taken_over = await queue.claim(later=LEASE.total_seconds() + 1)
    await queue.settle(slow, Step(State.failed, "too late"))
    assert await queue.states() == ["pending"]
    await queue.settle(taken_over, SENT)
    assert await queue.states() == ["sent"]


async def test_a_reason_that_no_text_column_takes_is_cleaned(queue: Queue) -> None:
    await queue.device("ann")
    await queue.tell(news("ann", new_id()))
    await queue.settle(await queue.claim(), Step(State.failed, "bad \x00" + "x" * 10_000))
    assert await queue.states() == ["failed"]
