"""`python -m stack up`: the whole house on this machine, until Ctrl-C; `token`: a token for it."""

import asyncio
import json
import signal
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.console import Console

from stack.errors import StackError
from stack.house import House
from stack.people import links
from stack.running import running
from stack.tokens import Role, mint

DEFAULT_STATE = Path("var/stack")
StateFolder = Annotated[Path, typer.Option(envvar="WAGGLE_STATE", help="Folder for data and logs.")]
Site = Annotated[bool, typer.Option("--console/--no-console", help="Build the web console first.")]

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The whole house on one machine.")


@app.command()
def up(
    state: StateFolder = DEFAULT_STATE,
    port: Annotated[int, typer.Option(help="Port of the one origin; 0: a free one.")] = 0,
    realtime: Annotated[int, typer.Option(min=1, help="Number of realtime processes.")] = 1,
    site: Site = True,
) -> None:
    """Start everything, print where it is, and run until Ctrl-C or SIGTERM."""
    console = Console(stderr=True)
    house = running(
        state,
        port=port,
        replicas={"realtime": realtime},
        log_to_terminal=True,
        site=site,
        console=console,
    )
    raise typer.Exit(asyncio.run(serve(house, console)))


@app.command()
def token(
    sub: Annotated[str, typer.Argument(help="Whose: a customer's, driver's or admin's id.")],
    role: Annotated[str, typer.Argument(help="user (a customer), pilot (a driver) or admin.")],
    state: StateFolder = DEFAULT_STATE,
) -> None:
    """Print a token that the stack running on this folder accepts for an hour."""
    running_stack = state / "stack.json"
    if role not in get_args(Role):
        raise typer.BadParameter(f"one of {', '.join(get_args(Role))}", param_hint="role")
    if not running_stack.exists():
        raise typer.BadParameter(f"no stack is running on {state}", param_hint="--state")
    key = json.loads(running_stack.read_text())["jwt_key"]
    typer.echo(mint(sub, cast("Role", role), key=key))


async def serve(house: AbstractAsyncContextManager[House], console: Console) -> int:
    """Keep `house` up until SIGINT, SIGTERM or SIGHUP, at whatever step it is; its exit status."""
    serving = asyncio.create_task(_stay(house))
    asked = asyncio.Event()

    def ask() -> None:
        if not asked.is_set():  # the first signal only: later ones do not disturb the ending
            asked.set()
            console.print("ending …")
            serving.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ask)
    try:
        await serving
    except StackError as error:
        console.print(f"✗ {error}", highlight=False, markup=False, soft_wrap=True, style="red")
        return 1
    except asyncio.CancelledError:
        if not asked.is_set():
            raise
    return 0


async def _stay(house: AbstractAsyncContextManager[House]) -> None:
    async with house as up:
        _announce(up)
        await up.supervisor.gone.wait()
        raise StackError(f"the supervisor has ended; read {up.state / 'log' / 'supervisor.log'}")


def _announce(house: House) -> None:
    """On stdout, for people and for scripts."""
    typer.echo(f"\n  Waggle     {house.url}")
    typer.echo(f"  API docs   {house.url}/docs")
    for who, address in links(house):
        typer.echo(f"  console    as {who}: {address}")
    typer.echo(f"  state      {house.state}  (stack.json, log/)")
    typer.echo("  Ctrl-C ends it.\n")
