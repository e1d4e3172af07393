"""Whatever is commanded at the same time, in whatever order, at two processes: the rules of dispatch hold.

`RUSH_EXAMPLES=300 pytest …/test_rush.py` looks further than the few examples, always the same, of every day.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import create_async_engine

from wire.migrate import upgrade

from .conftest import World
from .invariants import ALWAYS
from .process import PATIENCE_S, Process
from .rush import RULES, Rush

T = TypeVar("T")
MANY = int(os.environ.get("RUSH_EXAMPLES", "0"))
MOST_JOBS = 6
TYPES = st.sampled_from(sorted(RULES))
NUMBER = st.integers(min_value=0, max_value=MOST_JOBS - 1)
PROCESS = st.sampled_from([0, 1])
HELD = st.sampled_from([None, "search", "driver"])
COMMANDS = ["accept"] * 3 + ["decline", "complete", "retry"] * 2 + ["cancel", "go_offline", "go_online"]
COMMAND = st.tuples(st.sampled_from(COMMANDS), PROCESS, NUMBER, NUMBER)


class TwoProcesses(RuleBasedStateMachine):
    """Hypothesis runs beside the loop that everything else runs on."""

    def __init__(self, rush: Rush, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.rush, self.loop = rush, loop
        self.deaths = 0

    def wait(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(4 * PATIENCE_S)

    @initialize(drivers=st.integers(min_value=2, max_value=4), types=st.lists(TYPES, min_size=1, max_size=3))
    def begin(self, drivers: int, types: list[str]) -> None:
        self.wait(self.rush.begin(drivers))
        self.order(types)

    @precondition(lambda self: len(self.rush.now.jobs) < MOST_JOBS)
    @rule(types=st.lists(TYPES, min_size=1, max_size=2))
    def order(self, types: list[str]) -> None:
        self.wait(self.rush.at_once([self.rush.order(self.rush.worlds[0], one) for one in types], None))
        self.wait(self.rush.begun())

    @rule(commands=st.lists(COMMAND, min_size=2, max_size=8), held=HELD)
    def at_once(self, commands: list[tuple[str, int, int, int]], held: str | None) -> None:
        rush = self.rush
        given = [getattr(rush, name)(rush.worlds[at], one, other) for name, at, one, other in commands]
        self.wait(rush.at_once(given, held))

    @rule(job=NUMBER, held=HELD)
    def everybody_accepts(self, job: int, held: str | None) -> None:
        jobs = self.rush.job_ids
        self.wait(self.rush.everybody_takes(jobs[job % len(jobs)], held))

    @rule(driver=NUMBER, held=HELD)
    def one_driver_accepts_everything(self, driver: int, held: str | None) -> None:
        rush = self.rush
        who = rush.driver(driver)
        taking = [rush.take(rush.worlds[n % 2], job, who) for n, job in enumerate(rush.job_ids)]
        self.wait(rush.at_once(taking, held))

    @rule(before_s=st.sampled_from([-0.3, -0.01, 0.0, 0.005, 0.02]))
    def everybody_accepts_at_the_next_deadline(self, before_s: float) -> None:
        self.wait(self.rush.at_the_next_deadline(before_s))

    @rule(types=st.lists(TYPES, min_size=2, max_size=4), drop=st.booleans(), process=PROCESS)
    @precondition(lambda self: len(self.rush.now.jobs) < MOST_JOBS)
    def orders_come_while_drivers_do(self, types: list[str], drop: bool, process: int) -> None:
        """They compete for the same few drivers, who come and go."""
        rush = self.rush
        orders = [rush.order(rush.worlds[0], one) for one in types]
        go = rush.go_offline if drop else rush.go_online
        drivers = [go(rush.worlds[process], number, 0) for number in range(len(rush.now.drivers))]
        self.wait(rush.at_once([*orders, *drivers], None))
        self.wait(rush.begun())

    @precondition(lambda self: not self.deaths)
    @rule(process=PROCESS, job=NUMBER)
    def one_process_dies(self, process: int, job: int) -> None:
        """While all are accepting there."""
        self.deaths += 1
        rush, job_id = self.rush, self.rush.job_ids[job % len(self.rush.job_ids)]
        taking = [rush.take(rush.worlds[process], job_id, driver) for driver in rush.now.drivers]
        self.wait(rush.at_once([*taking, rush.dies(process)], None))

    @invariant()
    def holds(self) -> None:
        found = {*self.wait(self.rush.broken(ALWAYS)), *self.rush.now.broken}
        assert not found, found

    def teardown(self) -> None:
        self.wait(self.rush.end())
        self.holds()


@pytest.fixture(scope="module")
async def rush(backend: Any, nats_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rush]:
    url = await backend.fresh_database()
    await upgrade("matching", url)
    folder = tmp_path_factory.mktemp("rush")
    processes = [Process(nats_url, url, folder / f"matching-{number}.log") for number in (1, 2)]
    nc, engine = Client(), create_async_engine(url)
    await nc.connect(nats_url)
    async with AsyncExitStack() as stack:
        for process in processes:
            stack.push_async_callback(process.kill)
            process.spawn()
        for process in processes:
            await process.ready()
        limits = httpx.Limits(max_connections=50)
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=process.url, timeout=PATIENCE_S, limits=limits)
            )
            for process in processes
        ]
        worlds = [World(http, nc, engine, processes[0].settings) for http in clients]
        await nc.subscribe("driver.status.>", cb=worlds[0].on_message)
        for name, rules in RULES.items():
            await worlds[0].rules(name, **rules)
        pool = await stack.enter_async_context(
            asyncpg.create_pool(url.replace("+asyncpg", ""), min_size=1, max_size=5)
        )
        yield Rush(worlds, processes, pool)
    await nc.close()
    await engine.dispose()


@pytest.mark.timeout(3600 if MANY else 600)
async def test_the_rules_of_dispatch_hold_at_every_moment_whatever_is_commanded(rush: Rush) -> None:
    """E1, A5, B6, B11, B13, DESIGN invariants 2, 3, 4, 5 and 7: any number of accepts, declines,
    cancellations, retries, departures and deadlines at once, at two processes, one of which may die."""
    every_day = settings(max_examples=16, stateful_step_count=10, derandomize=True, phases=[Phase.generate])
    further = settings(max_examples=MANY or 1, stateful_step_count=25, print_blob=True)
    chosen = settings(
        further if MANY else every_day,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    loop = asyncio.get_running_loop()
    machine: Any = lambda: TwoProcesses(rush, loop)  # noqa: E731  # Hypothesis takes any maker of machines
    async with rush.watched():
        await asyncio.to_thread(run_state_machine_as_test, machine, settings=chosen)
    ends = {row["state"] for row in await rush.database.fetch("SELECT DISTINCT state FROM offer")}
    assert ends >= {"accepted", "expired", "withdrawn"}, "the commands came to something"
