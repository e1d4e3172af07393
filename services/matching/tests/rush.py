"""Two matching processes, a few drivers in one place, and commands given to all of it at the same time."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from contracts.models import Job
from contracts.streams import MATCHING_DISPATCH, MATCHING_TIMERS

from .accounts import all_was_told, winners_were_told
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
LIVE = """
    SELECT s.job_id, o.driver_id FROM offer o JOIN search s ON s.id = o.search_id
    WHERE o.state = 'pending' AND s.job_id = ANY($1) ORDER BY o.id
"""
NEWEST = """
    SELECT * FROM (SELECT DISTINCT ON (job_id) job_id, state, driver_id, attempt FROM search
    WHERE job_id = ANY($1) ORDER BY job_id, attempt DESC) AS newest WHERE state = ANY($2)
"""
BEGUN = "SELECT count(DISTINCT job_id) FROM search WHERE job_id = ANY($1)"
NEXT_DEADLINE = """
    SELECT job_id, due FROM (
        SELECT s.job_id, o.expires_at AS due FROM offer o JOIN search s ON s.id = o.search_id
        WHERE o.state = 'pending'
        UNION ALL SELECT s.job_id, s.deadline FROM search s WHERE s.state = 'searching') AS deadlines
    WHERE job_id = ANY($1) AND due > now() ORDER BY due LIMIT 1
"""


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

    async def accept(self, world: World, number: int, other: int) -> None:
        """An offer that is live; or, if there is none, any job by any driver."""
        if picked := await self._pick(number, other):
            await self.take(world, *picked)

    async def take(self, world: World, job_id: UUID, driver: str) -> None:
        answer = await self._answer(world.accept(driver, job_id))
        if answer == httpx.codes.OK:
            self.now.won.add((job_id, driver))
        elif answer is None:
            self.now.unanswered.add((job_id, driver))

    async def decline(self, world: World, number: int, other: int) -> None:
        """As with `accept`."""
        if picked := await self._pick(number, other):
            job_id, driver = picked
            await self._answer(world.decline(driver, job_id))

    async def _pick(self, number: int, other: int) -> tuple[UUID, str] | None:
        live = await self.database.fetch(LIVE, self.job_ids)
        if live:
            return tuple(live[number % len(live)])
        return (self.job_ids[other % len(self.now.jobs)], self.driver(number)) if self.now.jobs else None

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

    async def complete(self, world: World, number: int, _other: int) -> None:
        """As booking does: only what has a driver, and is not off."""
        rows = await self.database.fetch(NEWEST, self.job_ids, ["assigned"])
        rows = [row for row in rows if row["job_id"] not in (*self.now.over, *self.now.cancelled)]
        if rows:
            row = rows[number % len(rows)]
            self.now.over.append(row["job_id"])
            await world.completed(self._job(row["job_id"]), row["driver_id"])

    async def retry(self, world: World, number: int, _other: int) -> None:
        """As booking does: only what ended without a driver, and is not off."""
        rows = await self.database.fetch(NEWEST, self.job_ids, ["failed", "timed_out"])
        rows = [row for row in rows if row["job_id"] not in self.now.cancelled]
        if rows:
            row = rows[number % len(rows)]
            job = self._job(row["job_id"])
            if job.attempt == row["attempt"]:  # else another retry was quicker
                again = job.model_copy(update={"attempt": job.attempt + 1})
                self.now.jobs[self.now.jobs.index(job)] = again
                await world.retried(again)

    def _job(self, job_id: UUID) -> Job:
        return next(job for job in self.now.jobs if job.id == job_id)

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
            "search": ("SELECT 1 FROM search WHERE job_id = ANY($1) FOR UPDATE SKIP LOCKED", self.job_ids),
            "driver": ("SELECT 1 FROM driver WHERE id = ANY($1) FOR UPDATE SKIP LOCKED", self.now.drivers),
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
            while await self.database.fetchval(BEGUN, self.job_ids) < len(self.now.jobs):
                await asyncio.sleep(0.01)

    async def at_the_next_deadline(self, before_s: float) -> None:
        """Everybody accepts the job whose deadline is the next to come, so long before it."""
        row = await self.database.fetchrow(NEXT_DEADLINE, self.job_ids)
        if row and (wait := (row["due"] - datetime.now(UTC)).total_seconds() - before_s) < SOON_S:
            await asyncio.sleep(wait)
            await self.everybody_takes(row["job_id"], None)

    async def everybody_takes(self, job_id: UUID, held: str | None) -> None:
        """The first driver with both thumbs, at both processes."""
        who = [self.now.drivers[0], *self.now.drivers]
        await self.at_once([self.take(self.worlds[n % 2], job_id, one) for n, one in enumerate(who)], held)

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
        await winners_were_told(self.database, self.job_ids, self.now.won, self.now.unanswered)
        for job in self.now.jobs:
            await all_was_told(self.database, self.worlds[0].nc, job.id)

    async def _at_rest(self) -> bool:
        js = self.worlds[0].nc.jetstream()
        for consumer in (MATCHING_DISPATCH, MATCHING_TIMERS):
            info = await js.consumer_info(consumer.stream, consumer.durable)
            if info.num_pending or info.num_ack_pending:
                return False
        return not await self.database.fetchval("SELECT count(*) FROM outbox")
