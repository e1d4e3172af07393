"""Two matching processes, a few drivers in one place, and commands given to all of it at the same time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from contracts.events import FeedClosed, OfferEvent, SearchEvent
from contracts.models import Job
from contracts.streams import MATCHING_DISPATCH, MATCHING_TIMERS
from contracts.subjects import of_job
from wire.envelope import unseal

from .conftest import World
from .invariants import ALWAYS, WHEN_QUIET, broken
from .process import PATIENCE_S, Process

RULES: dict[str, dict[str, Any]] = {
    "rush-cascade": {"steps": [{"policy": "cascade", "offer_seconds": 0.5}], "search_seconds": 4},
    "rush-patient": {"steps": [{"policy": "cascade", "offer_seconds": 60}], "search_seconds": 120},
    "rush-broadcast": {"steps": [{"policy": "broadcast"}], "search_seconds": 2},
    "rush-ladder": {
        "steps": [
            {"policy": "cascade", "offer_seconds": 0.3, "tries": 1},
            {"policy": "group", "at_once": 2, "offer_seconds": 0.5},
            {"policy": "broadcast"},
        ],
        "search_seconds": 3,
    },
}
PILE_UP_S = 0.08
"""How long those who wait for a held row are let pile up."""
SOON_S = 1.0
ANSWERS = {200, 403, 404, 409}
OVER = ("failed", "timed_out")
NEXT_DEADLINE = """
    SELECT job_id, due FROM (
        SELECT s.job_id, o.expires_at AS due FROM offer o JOIN search s ON s.id = o.search_id
        WHERE o.state = 'pending'
        UNION ALL SELECT s.job_id, s.deadline FROM search s WHERE s.state = 'searching') AS deadlines
    WHERE job_id = ANY($1) AND due > now() ORDER BY due LIMIT 1
"""
TOLD = """
    SELECT 'search.started', id FROM search WHERE job_id = $1 AND state <> 'cancelled'
    UNION ALL SELECT 'search.' || state, id FROM search WHERE job_id = $1 AND state IN ('failed', 'timed_out')
    UNION ALL SELECT 'offer.created', o.id FROM offer o JOIN search s ON s.id = o.search_id
        WHERE s.job_id = $1 AND o.state <> 'accepted'
    UNION ALL SELECT 'offer.' || o.state, o.id FROM offer o JOIN search s ON s.id = o.search_id
        WHERE s.job_id = $1 AND (o.state IN ('declined', 'expired') OR o.state = 'withdrawn' AND o.exclusive)
    UNION ALL SELECT 'assignment.created', o.search_id FROM offer o JOIN search s ON s.id = o.search_id
        WHERE s.job_id = $1 AND o.state = 'accepted'
    UNION ALL SELECT 'assignment.released', id FROM search WHERE job_id = $1 AND state = 'cancelled'
        AND EXISTS (SELECT 1 FROM offer WHERE search_id = search.id AND state = 'accepted')
"""
TAKEN = """
    SELECT o.id FROM offer o JOIN search s ON s.id = o.search_id WHERE s.job_id = $1 AND o.state = 'accepted'
"""
"""Offers that may have been declined, have expired or have never been put before: the job stood open."""
NOT_ALWAYS_TOLD = ("search.started", "feed.closed")
"""Of a search cancelled before it began, of a job that only one driver had on the screen."""


@dataclass
class Example:
    """What one example of Hypothesis made, and what it was answered."""

    drivers: list[str] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    over: list[UUID] = field(default_factory=list)
    cancelled: list[UUID] = field(default_factory=list)
    won: set[tuple[UUID, str]] = field(default_factory=set)
    unanswered: set[tuple[UUID, str]] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    """What the watch found."""


@dataclass
class Rush:
    """`worlds`: one for each process, on the same bus and database."""

    worlds: list[World]
    processes: list[Process]
    database: asyncpg.Pool
    now: Example = field(default_factory=Example)
    at: tuple[float, float] = (0.0, 0.0)

    async def begin(self, drivers: int) -> None:
        """A new place with drivers of its own."""
        self.now, self.at = Example(), self.worlds[0].place()
        made = await asyncio.gather(*(self.worlds[0].driver(self.at) for _ in range(drivers)))
        self.now.drivers = list(made)

    def driver(self, number: int) -> str:
        return self.now.drivers[number % len(self.now.drivers)]

    # Commands. What has nothing to be about does nothing.

    async def order(self, world: World, rules: str, _number: int = 0) -> None:
        job = world.job(self.at, rules)
        self.now.jobs.append(job)
        await world.created(job)

    async def accept(self, world: World, driver: int, job: int) -> None:
        if self.now.jobs:
            wanted, who = self.now.jobs[job % len(self.now.jobs)].id, self.driver(driver)
            answer = await self._answer(world.accept(who, wanted))
            if answer == httpx.codes.OK:
                self.now.won.add((wanted, who))
            elif answer is None:
                self.now.unanswered.add((wanted, who))

    async def decline(self, world: World, driver: int, job: int) -> None:
        if self.now.jobs:
            wanted = self.now.jobs[job % len(self.now.jobs)].id
            await self._answer(world.decline(self.driver(driver), wanted))

    async def go_offline(self, world: World, driver: int, _job: int) -> None:
        auth = world.auth(self.driver(driver))
        await self._answer(world.http.post("/v1/drivers/me/offline", headers=auth))

    async def go_online(self, world: World, driver: int, _job: int) -> None:
        auth, place = world.auth(self.driver(driver)), {"lat": self.at[0], "lng": self.at[1]}
        await self._answer(world.http.post("/v1/drivers/me/online", json=place, headers=auth))

    async def _answer(self, request: Coroutine[Any, Any, httpx.Response]) -> int | None:
        """The status; None when a killed process did not give one."""
        try:
            answer = await request
        except httpx.TransportError:
            return None
        assert answer.status_code in ANSWERS, answer.text
        return answer.status_code

    async def cancel(self, world: World, _driver: int, job: int) -> None:
        """As booking does: not once the job was completed, and once."""
        open_jobs = [one for one in self.now.jobs if one.id not in (*self.now.over, *self.now.cancelled)]
        if open_jobs:
            wanted = open_jobs[job % len(open_jobs)]
            self.now.cancelled.append(wanted.id)
            await world.cancelled(wanted)

    async def complete(self, world: World, _driver: int, job: int) -> None:
        """As booking does: only what has a driver, and is not off."""
        if self.now.jobs:
            wanted = self.now.jobs[job % len(self.now.jobs)]
            state, driver, _ = await self._newest(wanted)
            if state == "assigned" and wanted.id not in (*self.now.over, *self.now.cancelled):
                self.now.over.append(wanted.id)
                await world.completed(wanted, driver)

    async def retry(self, world: World, _driver: int, job: int) -> None:
        """As booking does: only what ended without a driver, and is not off."""
        if self.now.jobs:
            number = job % len(self.now.jobs)
            state, _, attempt = await self._newest(self.now.jobs[number])
            wanted = self.now.jobs[number]
            if state in OVER and attempt == wanted.attempt and wanted.id not in self.now.cancelled:
                again = wanted.model_copy(update={"attempt": attempt + 1})
                self.now.jobs[number] = again
                await world.retried(again)

    async def _newest(self, job: Job) -> tuple[str, str, int]:
        row = await self.database.fetchrow(
            "SELECT state, driver_id, attempt FROM search WHERE job_id = $1 ORDER BY attempt DESC LIMIT 1",
            job.id,
        )
        return tuple(row) if row else ("", "", 0)

    # What is done with them.

    async def at_once(self, commands: Sequence[Coroutine[Any, Any, None]], held: str | None) -> None:
        """Give all of them together; with every row of a table `held` until they have piled up behind it."""
        async with self._held(held):
            tasks = [asyncio.create_task(command) for command in commands]
            if held and tasks:
                await asyncio.wait(tasks, timeout=PILE_UP_S)
        await asyncio.gather(*tasks)

    @asynccontextmanager
    async def _held(self, table: str | None) -> AsyncIterator[None]:
        rows = {
            "search": ("SELECT 1 FROM search WHERE job_id = ANY($1) FOR UPDATE", self.job_ids),
            "driver": ("SELECT 1 FROM driver WHERE id = ANY($1) FOR UPDATE", self.now.drivers),
        }
        async with self.database.acquire() as holder, holder.transaction():
            if table:
                statement, values = rows[table]
                await holder.execute(statement, values)
            yield

    @property
    def job_ids(self) -> list[UUID]:
        return [job.id for job in self.now.jobs]

    async def begun(self) -> None:
        """Until every order has its search."""
        async with asyncio.timeout(PATIENCE_S):
            while not all([(await self._newest(job))[0] for job in self.now.jobs]):
                await asyncio.sleep(0.01)

    async def at_the_next_deadline(self, before_s: float) -> None:
        """Everybody accepts the job whose deadline is the next to come, so long before it."""
        row = await self.database.fetchrow(NEXT_DEADLINE, self.job_ids)
        if row and (wait := (row["due"] - datetime.now(UTC)).total_seconds() - before_s) < SOON_S:
            await asyncio.sleep(wait)
            await self.everybody_accepts(self.job_ids.index(row["job_id"]), None)

    async def everybody_accepts(self, job: int, held: str | None) -> None:
        """The first driver with both thumbs, at both processes."""
        worlds = [*self.worlds, *self.worlds]
        who = [0, *range(len(self.now.drivers))]
        await self.at_once([self.accept(worlds[n % 2], one, job) for n, one in enumerate(who)], held)

    async def dies(self, number: int) -> None:
        """`kill -9`; it comes back by itself, and need not have done so when this returns."""
        await self.processes[number].kill()
        self.processes[number].spawn()

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Somebody looks all the time, and to the end."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
            assert not watching.done(), watching
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    async def _watch(self) -> None:
        while True:
            example = self.now
            example.broken.update(await self.broken(ALWAYS))
            await asyncio.sleep(0.005)

    async def broken(self, rules: dict[str, str]) -> list[str]:
        return await broken(self.database, rules, self.job_ids, self.now.drivers, self.now.over)

    async def end(self) -> None:
        """All jobs are called off; what is left when that is done is wrong."""
        await asyncio.gather(*(process.ready() for process in self.processes))
        for number in range(len(self.now.jobs)):
            await self.cancel(self.worlds[0], 0, number)
        async with asyncio.timeout(PATIENCE_S):
            while not await self._at_rest():
                await asyncio.sleep(0.05)
        broken = await self.broken(ALWAYS | WHEN_QUIET)
        assert not broken, broken
        await self._winners_were_told()
        for job in self.now.jobs:
            await self._all_was_told(job)

    async def _at_rest(self) -> bool:
        js = self.worlds[0].nc.jetstream()
        for consumer in (MATCHING_DISPATCH, MATCHING_TIMERS):
            info = await js.consumer_info(consumer.stream, consumer.durable)
            if info.num_pending or info.num_ack_pending:
                return False
        return not await self.database.fetchval("SELECT count(*) FROM outbox")

    async def _winners_were_told(self) -> None:
        """Whoever was answered 200 has won, and nobody who was refused has."""
        rows = await self.database.fetch(
            "SELECT s.job_id, o.driver_id FROM offer o JOIN search s ON s.id = o.search_id"
            " WHERE o.state = 'accepted' AND s.job_id = ANY($1)",
            self.job_ids,
        )
        winners = {(row["job_id"], row["driver_id"]) for row in rows}
        assert self.now.won <= winners, self.now.won - winners
        silent = winners - self.now.won
        assert silent <= self.now.unanswered, silent

    async def _all_was_told(self, job: Job) -> None:
        """What the rows say happened is in the stream, once; and nothing else is."""
        js, told = self.worlds[0].nc.jetstream(), Counter[tuple[str, UUID]]()
        heard = await js.subscribe(of_job(job.id), stream=MATCHING_DISPATCH.stream, ordered_consumer=True)
        while True:
            message = await heard.next_msg(timeout=PATIENCE_S)
            event = unseal(message.headers, message.data).event
            if isinstance(event, SearchEvent):
                about = event.offer_id if isinstance(event, OfferEvent) else event.search_id
                how = f" {event.status}" if isinstance(event, FeedClosed) else ""
                told[event.type + how, about] += 1
            if message.metadata.num_pending == 0:
                break
        await heard.unsubscribe()
        happened = {tuple(row) for row in await self.database.fetch(TOLD, job.id)}
        taken = {row["id"] for row in await self.database.fetch(TAKEN, job.id)}
        assert set(told.values()) <= {1}, told
        assert happened <= told.keys(), happened - told.keys()
        more = {(kind, about) for kind, about in told.keys() - happened if about not in taken}
        assert all(kind.startswith(NOT_ALWAYS_TOLD) for kind, _ in more), more
