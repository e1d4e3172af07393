"""Starting and ending a stack."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from rich.console import Console

from contracts.access import BOOTSTRAP
from stack import leftovers, postgres
from stack.bus import Bus, guarded_bus
from stack.control import Supervisor
from stack.errors import StackError
from stack.house import House
from stack.once import run_once
from stack.people import register_driver
from stack.plan import SERVICES, WITH_DATABASE, Addresses, Commands, Plan, Wish, inherited
from stack.ports import Reservation
from stack.program import Charge
from stack.state import Lock, State, lock
from stack.steps import Steps


@asynccontextmanager
async def running(
    state: Path | None = None,
    *,
    services: Sequence[str] = SERVICES,
    caddy: bool = True,
    site: bool = False,
    apns: bool = True,
    fcm: bool | None = None,
    replicas: Mapping[str, int] | None = None,
    env: Mapping[str, str] | None = None,
    port: int = 0,
    durable: bool = True,
    traces: bool = False,
    guarded: bool = True,
    grace: float = 8.0,
    log_to_terminal: bool = False,
    console: Console | None = None,
    commands: Commands | None = None,
) -> AsyncIterator[House]:
    """Start the parts and `services`, wait until all are ready, and end everything on leaving.

    state: folder for data and logs, kept; None: a temporary one, removed at the end.
    site: build the web console, which Caddy then serves; if that fails, the house does without.
    apns, fcm: stand-ins for push services; if not told, FCM goes with APNs.
    replicas: processes of a service, as {"realtime": 2}. env: WAGGLE_ settings for every service.
    port: of Caddy, 0 = a free one. durable: False skips PostgreSQL's fsync (for tests that cut no power).
    traces: WAGGLE_TRACE_FILE for each service, in <state>/traces. grace: seconds a service may take to end.
    guarded: False lets everybody do everything on the bus; else each service has its own permissions there.
    console: shows the steps of the start. StackError, naming a log, if a step fails or takes too long.
    """
    wish = Wish(
        services=tuple(services),
        caddy=caddy,
        site=site,
        apns=apns,
        fcm=apns if fcm is None else fcm,
        replicas=dict(replicas or {}),
        env=dict(env or {}),
        commands=commands or Commands(),
        port=port,
        durable=durable,
        traces=traces,
        guarded=guarded,
        readable_logs=log_to_terminal,
        grace=grace,
    )
    with _folder(state) as folder:
        async with _prepared(folder, wish) as (plan, held), _supervised(plan, held, log_to_terminal) as house:
            await _bring_up(house, Steps(console))
            folder.describe(house.description())
            house.supervisor.on_spawn = lambda: folder.describe(house.description())
            house.supervisor.show()
            yield house


@contextmanager
def _folder(given: Path | None) -> Iterator[State]:
    root = given.absolute() if given else Path(tempfile.mkdtemp(prefix="waggle-"))
    state = State(root)
    state.create()
    try:
        yield state
    finally:
        if given is None:
            shutil.rmtree(root, ignore_errors=True)


@asynccontextmanager
async def _prepared(state: State, wish: Wish) -> AsyncIterator[tuple[Plan, Lock]]:
    """Folder locked, leftovers of a killed stack ended, ports held, PostgreSQL's cluster made."""
    held = await asyncio.to_thread(lock, state.root)
    reservation = Reservation()
    try:
        await asyncio.to_thread(leftovers.end, state.root / leftovers.RECORD)
        ports = Addresses.reserve(wish, reservation)
        cluster = await asyncio.to_thread(postgres.prepare, state.pgdata)
        try:
            bus = guarded_bus(state) if wish.guarded else Bus()
            yield Plan(wish, state, ports, cluster, state.secret(), bus), held
        finally:
            postgres.tidy(cluster)
    finally:
        reservation.release()
        held.release()


@asynccontextmanager
async def _supervised(plan: Plan, held: Lock, to_terminal: bool) -> AsyncIterator[House]:
    """The supervisor, with nothing running in it yet. Whatever is started in it ends with the context."""
    terminal = Console(stderr=True)
    colour = terminal.is_terminal and not terminal.no_color
    charge = Charge(plan.programs(), plan.state.root, plan.state.log, colour)
    supervisor = await Supervisor.launch(charge, lock=held.supervisor, to_terminal=to_terminal)
    try:
        yield House(plan, supervisor)
    finally:
        supervisor.on_spawn = lambda: None
        plan.state.forget()
        await supervisor.end()


async def _bring_up(house: House, steps: Steps) -> None:
    """The services wait for whatever they need; the order here only makes for a quiet first log."""
    wish, log = house.plan.wish, house.plan.state.log

    async def start(title: str, *names: str, log: Path = log) -> None:
        await steps.run(title, _together(*(house.start(name) for name in names)), seconds=90, log=log)

    if wish.site:
        await _build_console(house, steps)
    await start("PostgreSQL and NATS", "postgres", "nats")
    if wish.services:
        owners = [service for service in wish.services if service in WITH_DATABASE]
        databases = postgres.create_owned(house.plan.cluster, owners)
        await steps.run("databases", databases, seconds=30, log=log / "postgres.log")
        await steps.run("streams and tables", _declare(house, owners), seconds=90, log=log)
    if names := [name for name, wanted in (("apns", wish.apns), ("fcm", wish.fcm)) if wanted]:
        await start("stand-ins for APNs and FCM", *names)
    if names := [name for name, _service in wish.all_instances()]:
        await start(", ".join(names), *names)
    if wish.caddy:
        await start("Caddy", "caddy", log=log / "caddy.log")
    if house.console_url and "matching" in wish.services:
        await steps.run("a driver for the console", register_driver(house), seconds=30, log=log / "caddy.log")


async def _build_console(house: House, steps: Steps) -> None:
    """Without it all else works, as where npm cannot be reached: a build that fails is told, and no more."""
    log = house.plan.state.log / "console.log"
    build = run_once(house.plan.wish.commands.build, inherited(), log)
    try:
        await steps.run("the console's files", build, seconds=300, log=log)
    except StackError:
        steps.skipped("no console, for it could not be built", log)
    else:
        house.console_url = f"{house.url}/console/"


async def _declare(house: House, owners: Sequence[str]) -> None:
    """Create the streams and bring each database to its newest tables, all at once."""
    commands, log = house.plan.wish.commands, house.plan.state.log
    bootstrap = house.plan.bus_env(BOOTSTRAP)
    await _together(
        run_once(commands.streams, {**inherited(), **bootstrap}, log / "streams.log"),
        *(
            run_once(
                commands.migrate(owner), {**inherited(), **house.env_for(owner)}, log / f"migrate-{owner}.log"
            )
            for owner in owners
        ),
    )


async def _together(*works: Coroutine[object, object, None]) -> None:
    """Await all; the first failure cancels the others and is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
