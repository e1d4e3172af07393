"""One run of the city: found it, let it live, let it come to rest, check it."""

import asyncio
import random
import secrets
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import aiohttp
from rich.console import Console

from city import figures, settle
from city.city import City, Habits
from city.clock import now
from city.demand import Demand
from city.edge import Edge
from city.evidence import Violation
from city.ledger import Ledger
from city.order import place
from city.people import People, Registry, SetupError
from city.phones import count_pushes
from city.screen import show

ONLINE_SECONDS = 60.0
FINISH_SECONDS = 10.0  # after the load, in which jobs under way may finish
CANCEL_SECONDS = 8.0  # more, in which the rest is cancelled
JOBS_PER_MINUTE = 8.0  # of one customer: a client may subscribe ten bookings a minute (C6)
OPEN_PER_DRIVER = 1  # orders under way; past it orders are left out, the city has no drivers for them


class End(NamedTuple):
    """A process is sent this signal, so many seconds after the load began."""

    process: str
    at: float
    signal: int


@dataclass(frozen=True)
class Options:
    """`seconds`: of load; None: without end. `ends`: of processes, which are started again.
    `push_control_urls`: of the stand-in for each platform's push service.

    `disturbed`: somebody else ends processes of the house meanwhile.
    """

    url: str
    jwt_key: str
    demand: Demand
    source: str
    drivers: int
    seed: int
    seconds: float | None
    push_control_urls: Mapping[str, str] = field(default_factory=dict)
    ends: tuple[End, ...] = ()
    kill: Callable[[str, int], Awaitable[None]] | None = None
    disturbed: bool = False


@dataclass
class Run:
    """What the screen shows."""

    options: Options
    ledger: Ledger = field(default_factory=Ledger)
    began: float = field(default_factory=now)
    phase: str = "founding the city"
    pushes: dict[str, int] = field(default_factory=dict)
    """By platform; a platform that nobody counts is not there."""
    people: People = field(default_factory=lambda: People([], []))

    def statuses(self) -> Counter[str]:
        """Jobs by the status that their customers know."""
        return Counter(job.status for job in self.ledger.jobs.values())

    def connected(self) -> int:
        """Drivers with a connection."""
        return sum(driver.phone.up.is_set() for driver in self.people.drivers)


async def live(options: Options, console: Console) -> tuple[dict[str, Any], list[Violation]]:
    """The whole run: its report, and what is wrong. SetupError if the city cannot be founded."""
    run = Run(options)
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=15), trust_env=False
        ) as session,
        until_left() as background,
    ):
        edge = Edge(options.url, session, run.ledger.server_errors)
        city = City(edge, run.ledger, random.Random(options.seed), Habits(), background)
        admin = await _found(run, city)
        background.create_task(show(run, console))
        for platform, url in options.push_control_urls.items():
            background.create_task(count_pushes(run, session, platform, url))
        await _online(run, city)
        seconds = await _load(run, city)
        run.phase = "checking"
        drivers = [driver.id for driver in run.people.drivers]
        disturbed = options.disturbed or bool(options.ends)
        after, found = await settle.check(edge, admin, run.ledger, drivers, disturbed=disturbed)
        report = figures.report(run.ledger, after, found, seconds=seconds, pushes=run.pushes)
        await asyncio.gather(*(driver.go_home() for driver in run.people.drivers))
    return report, found


class _LeftError(Exception):
    pass


@asynccontextmanager
async def until_left() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that cancels its tasks when it is left. The first error in one of them ends the whole."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
            raise _LeftError
    except BaseExceptionGroup as failed:
        _, others = failed.split(_LeftError)
        if others is not None:
            raise _first(others) from None


def _first(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failed.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def _found(run: Run, city: City) -> str:
    """Everybody is entered; the admin's token."""
    options = run.options
    registry = Registry(city, options.jwt_key, f"city-{secrets.token_hex(3)}")
    customers = max(20, round(options.demand.rate * 60 / JOBS_PER_MINUTE) + 1)
    run.people = await registry.found(options.demand.spots(options.drivers, city.rng), customers)
    return registry.admin


async def _online(run: Run, city: City) -> None:
    run.phase = "drivers come online"
    for customer in run.people.customers:
        city.soon(customer.phone.stay())
    for driver in run.people.drivers:
        city.soon(driver.work())
    try:
        async with asyncio.timeout(ONLINE_SECONDS):
            for customer in run.people.customers:
                await customer.phone.up.wait()
            for driver in run.people.drivers:
                await driver.online.wait()
    except TimeoutError:
        ready = sum(driver.online.is_set() for driver in run.people.drivers)
        text = f"{ready} of {len(run.people.drivers)} drivers were online after {ONLINE_SECONDS:.0f} s"
        raise SetupError(text) from None


async def _load(run: Run, city: City) -> float:
    """Orders come until the time is over, then what is under way ends; how long the load lasted."""
    run.phase, run.began = "live", now()
    for end in run.options.ends:
        city.soon(_end(run, end))
    orders: set[asyncio.Task[None]] = set()
    await _order(run, city, orders)
    seconds = now() - run.began
    run.phase = "jobs under way finish"
    city.closing.set()
    await _wait(orders, FINISH_SECONDS)
    run.phase = "the rest is cancelled"
    city.closed.set()
    for customer in run.people.customers:
        customer.hurry()
    await _wait(orders, CANCEL_SECONDS)
    run.ledger.count["orders_abandoned"] += len(orders)
    return seconds


async def _order(run: Run, city: City, orders: set[asyncio.Task[None]]) -> None:
    end, customers = run.options.seconds, run.people.customers
    most = OPEN_PER_DRIVER * len(run.people.drivers)
    for number, wish in enumerate(run.options.demand.wishes(city.rng)):
        late = now() - run.began
        if end is not None and max(wish.due, late) >= end:
            await asyncio.sleep(max(0.0, end - late))
            return
        await asyncio.sleep(max(0.0, wish.due - late))
        if len(orders) >= most:
            run.ledger.count["orders_left_out"] += 1
            continue
        order = city.soon(place(customers[number % len(customers)], wish))
        orders.add(order)
        order.add_done_callback(orders.discard)


async def _wait(orders: set[asyncio.Task[None]], seconds: float) -> None:
    if orders:
        await asyncio.wait(set(orders), timeout=seconds)


async def _end(run: Run, end: End) -> None:
    assert run.options.kill is not None  # noqa: S101
    await asyncio.sleep(end.at)
    how = "killed" if end.signal == signal.SIGKILL else "replaced"
    run.ledger.count[f"{how}:{end.process}"] += 1
    await run.options.kill(end.process, end.signal)
