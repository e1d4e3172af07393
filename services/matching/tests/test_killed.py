"""`kill -9` between any two steps of an offer, an acceptance, an expiry and a timeout.

The process is made to wait at the step (see `stopping`), killed there, and started again. Whatever the
database had not committed did not happen; whatever it had, happens whole, and is told once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import text

from contracts.events import OfferCreated

from .stage import Stage, staged
from .steps import ACCEPT, COMMITTED, EXPIRE, STEPS, UNCOMMITTED, Step, letter
from .stopping import Point, Stop, stopping

pytestmark = pytest.mark.timeout(300)


def named(case: object) -> str | None:
    return case.name if isinstance(case, Step | Point) else None


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(tmp_path_factory.mktemp("matching")) as stage:
        yield stage


class Play:
    """One job before two drivers, the first of them nearer."""

    def __init__(self, stage: Stage, step: Step) -> None:
        self.stage, self.step, self.world = stage, step, stage.world
        self.accepting: asyncio.Task[httpx.Response] | None = None

    async def prepare(self) -> None:
        """Everything but what is to be interrupted."""
        name = self.step.name.replace(" ", "-")
        await self.world.rules(name, **self.step.rules)  # type: ignore[arg-type]
        lat, lng = self.world.place()
        self.drivers = [await self.world.driver((lat + 0.01 * far, lng)) for far in range(2)]
        self.job = self.world.job((lat, lng), name)
        await self.world.until_heard()
        if self.step is ACCEPT:
            await self.world.created(self.job)
            await self.stage.until_it_stands(self.job.id, self.step.before)

    def stopping(self, point: Point) -> AbstractAsyncContextManager[Stop]:
        names = {"job": self.job.id, "driver": self.drivers[0], "next": self.drivers[1]}
        return stopping(self.stage.process.settings.database_url.get_secret_value(), point, **names)

    async def begin(self) -> None:
        """Give the command, or the order that leads to it."""
        if self.step is ACCEPT:
            self.accepting = asyncio.create_task(self.world.accept(self.drivers[0], self.job.id))
        else:
            await self.world.created(self.job)

    async def stands(self) -> str:
        return await self.stage.standing(self.job.id)

    async def die(self) -> None:
        await self.stage.process.kill()
        if self.accepting:
            with suppress(httpx.TransportError):
                await self.accepting

    async def live_on(self) -> None:
        """Started again, it goes on to the end; each thing was told once, and nothing was before its time."""
        await self.stage.process.start()
        ready_at = datetime.now(UTC)
        if self.step is not ACCEPT:  # which the driver gives again
            await self.stage.until_it_stands(self.job.id, self.step.after)
        for command, number, answer in self.step.then:
            give = self.world.accept if command == "accept" else self.world.decline
            assert (await give(self.drivers[number - 1], self.job.id)).status_code == answer
        await self.stage.until_at_rest(self.job.id)
        assert await self.stage.history(self.job.id, self.drivers) == self.step.history
        await self.in_time(ready_at)

    async def in_time(self, ready_at: datetime) -> None:
        """No deadline was acted on early; how late it was is printed, for no test to fail on."""
        statement = text(
            "SELECT state, extract(epoch FROM answered_at - expires_at),"
            "  extract(epoch FROM answered_at - greatest(expires_at, :ready))"
            " FROM offer WHERE driver_id = ANY(:drivers) AND state = 'expired'"
            " UNION ALL SELECT state, extract(epoch FROM ended_at - deadline),"
            "  extract(epoch FROM ended_at - greatest(deadline, :ready))"
            " FROM search WHERE job_id = :job AND state = 'timed_out'"
        )
        values = {"ready": ready_at, "drivers": self.drivers, "job": self.job.id}
        async with self.world.engine.connect() as connection:
            for state, late, late_when_ready in await connection.execute(statement, values):
                assert late >= 0
                print(f"{state} {late:.2f} s after its deadline, {late_when_ready:.2f} s when ready")


async def played(stage: Stage, step: Step) -> Play:
    if not stage.process.alive:  # an earlier test failed
        await stage.process.start()
    play = Play(stage, step)
    await play.prepare()
    return play


@pytest.mark.parametrize(("step", "point"), UNCOMMITTED, ids=named)
async def test_killed_before_the_commit_nothing_has_happened_and_then_it_does(
    stage: Stage, step: Step, point: Point
) -> None:
    """B13, E1, A5, DESIGN invariants 2, 4 and 5: no half of a command, and no command lost."""
    play = await played(stage, step)
    async with play.stopping(point) as stop:
        await play.begin()
        await stop.reached()
        await play.die()
        await stop.let_go()
        await stop.dead_sessions_end()
        assert await play.stands() == step.before
    await play.live_on()


@pytest.mark.parametrize(("step", "point"), COMMITTED, ids=named)
async def test_killed_after_the_commit_all_of_it_has_happened_and_is_told_once(
    stage: Stage, step: Step, point: Point
) -> None:
    """B13, E1, A5, B6, DESIGN invariant 5: the order comes again and changes nothing, nobody is asked twice,
    a letter sent twice is in its stream once."""
    play = await played(stage, step)
    async with play.stopping(point) as stop:
        await play.begin()
        await stop.reached()
        await play.die()
        await stop.let_go()
        await stop.dead_sessions_end()
        assert await play.stands() == step.after
        assert await stage.letters(play.job.id) > 0, "they are there to be sent by whoever comes next"
    await play.live_on()


@pytest.mark.parametrize("frozen", [False, True], ids=["bus away", "bus frozen"])
@pytest.mark.parametrize("step", STEPS, ids=named)
async def test_killed_while_the_bus_cannot_be_told_it_is_told_when_both_are_back(
    stage: Stage, step: Step, frozen: bool
) -> None:
    """B13, E2, DESIGN invariant 5: what was committed outlives the bus and the process; frozen, the bus may
    have been told without the process hearing of it."""
    play = await played(stage, step)
    point = letter(step.told_by, "before the commit")
    async with play.stopping(point) as stop:
        await play.begin()
        await stop.reached()
        await stage.no_bus(frozen=frozen)
        try:
            await stop.let_go()
            await stage.until_it_stands(play.job.id, step.after)
            await play.die()
            assert await stage.letters(play.job.id) > 0
        finally:
            await stage.bus_again(frozen=frozen)
    await play.live_on()


async def test_a_deadline_that_passes_while_nobody_is_there_is_kept_by_whoever_comes(stage: Stage) -> None:
    """B13, E2, B4, DESIGN invariant 4: dead before the deadline, started after it."""
    play = await played(stage, EXPIRE)
    await play.begin()
    offer = await play.world.hears(OfferCreated, play.job.id)
    await play.die()
    stood = await play.stands()
    assert offer.expires_at is not None
    await asyncio.sleep((offer.expires_at - datetime.now(UTC)).total_seconds())
    assert await play.stands() == stood
    await play.live_on()
