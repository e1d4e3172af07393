"""`python -m city demo`: the house and a city in it. `python -m city run`: a city for a house that runs."""

import json
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from city.day import a_day
from city.demand import Demand, DemandError, plan, read_trips
from city.ending import finish
from city.run import End, Options, live
from city.summary import show_summary
from stack.cli import Site
from stack.house import House
from stack.people import links
from stack.plan import SERVICES
from stack.running import running

app = typer.Typer(add_completion=False, no_args_is_help=True, help="A city of customers and drivers.")

REPLICAS = ["matching=2"]
MORTAL = (*SERVICES, "caddy", "apns", "fcm", "nats", "postgres")
RATE = 10.0  # jobs a second in the busiest hour, which two cores carry with everything else

Trips = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="CSV of Date/Time,Lat,Lon.")]
Seconds = Annotated[float | None, typer.Option(min=1, help="End the load after so long; else Ctrl-C.")]
Json = Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write the figures here.")]
Drivers = Annotated[int, typer.Option(min=1, max=2000)]
Speed = Annotated[float | None, typer.Option(min=0.01, help="Times as fast as real; else by the demand.")]
Seed = Annotated[int, typer.Option(help="Of everything random.")]
State = Annotated[Path, typer.Option(file_okay=False, help="Folder for data and logs.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Of the one origin; 0: a free one.")]
Kill = Annotated[list[str] | None, typer.Option(help="SERVICE@SECONDS: kill -9 it then. Repeatable.")]
Replace = Annotated[
    list[str] | None, typer.Option(help="SERVICE@SECONDS: have it drain, and start it anew. Repeatable.")
]
Replicas = Annotated[list[str], typer.Option(help="SERVICE=N: so many of it. Repeatable.")]
Disturbed = Annotated[bool, typer.Option(help="Parts of the house are killed or replaced meanwhile.")]


@app.command()
def demo(  # noqa: PLR0917  typer calls it by keyword
    trips: Trips = None,
    seconds: Seconds = None,
    json_file: Json = None,
    drivers: Drivers = 150,
    speed: Speed = None,
    state: State = Path("var/demo"),
    seed: Seed = 1,
    kill: Kill = None,
    replace: Replace = None,
    replicas: Replicas = REPLICAS,
    port: Port = 0,
    site: Site = True,
) -> None:
    """Start the whole house and a city in it. Exit status 0 only if its check found nothing wrong."""
    console, counts = Console(stderr=True), dict(parse_replicas(each) for each in replicas)
    more = [f"{service}-{number}" for service, count in counts.items() for number in range(2, count + 1)]
    ends = (
        *parse_ends(kill, "--kill", (*MORTAL, *more), signal.SIGKILL),
        *parse_ends(replace, "--replace", (*SERVICES, *more), signal.SIGTERM),
    )
    demand, source = make_demand(trips, speed, seed, console)

    async def work() -> bool:
        async with running(state, port=port, console=console, replicas=counts, site=site) as house:
            announce(house)
            options = Options(
                house.url,
                house.jwt_key,
                demand,
                source,
                drivers,
                seed,
                seconds,
                {"ios": house.apns_control_url, "android": house.fcm_control_url},
                ends,
                house.kill,
            )
            return await carry_out(options, console, json_file)

    raise typer.Exit(finish(work(), console, endless=seconds is None))


@app.command()
def run(  # noqa: PLR0917  typer calls it by keyword
    url: Annotated[str, typer.Option(help="The one origin of the house.")],
    jwt_key: Annotated[str, typer.Option(envvar="WAGGLE_JWT_KEY", help="Its HS256 secret.")],
    trips: Trips = None,
    seconds: Seconds = None,
    json_file: Json = None,
    drivers: Drivers = 150,
    speed: Speed = None,
    seed: Seed = 1,
    disturbed: Disturbed = False,
) -> None:
    """A city for a house that runs already. Changes its service types, and leaves drivers and jobs behind."""
    console = Console(stderr=True)
    demand, source = make_demand(trips, speed, seed, console)
    options = Options(url.rstrip("/"), jwt_key, demand, source, drivers, seed, seconds, disturbed=disturbed)
    raise typer.Exit(finish(carry_out(options, console, json_file), console, endless=seconds is None))


def announce(house: House) -> None:
    """On stdout, for people and for scripts."""
    typer.echo(f"\n  Waggle     {house.url}")
    typer.echo(f"  API docs   {house.url}/docs")
    for who, address in links(house):
        typer.echo(f"  console    as {who}: {address}")
    typer.echo(f"  logs       {house.state / 'log'}\n")


async def carry_out(options: Options, console: Console, json_file: Path | None) -> bool:
    """The run, its figures shown and written; whether all was well."""
    report, found = await live(options, console)
    show_summary(report, console)
    if json_file is not None:
        write(json_file, report)
    return not found


def write(json_file: Path, report: dict[str, Any]) -> None:
    json_file.parent.mkdir(parents=True, exist_ok=True)
    json_file.write_text(json.dumps(report, indent=2) + "\n")


def make_demand(trips: Path | None, speed: float | None, seed: int, console: Console) -> tuple[Demand, str]:
    """What is ordered, and its name. BadParameter if the file cannot be used."""
    try:
        read, skipped = read_trips(trips) if trips else (a_day(seed), 0)
    except (DemandError, OSError) as error:
        raise typer.BadParameter(str(error), param_hint="--trips") from None
    demand = plan(read, speed=speed, rate=RATE)
    source = trips.name if trips else "a synthetic day"
    console.print(
        f"{source}: {len(read)} trips, {skipped} rows skipped; {demand.speed:.0f} times as fast as real, "
        f"{demand.rate:.1f} jobs a second",
        highlight=False,
    )
    return demand, source


def parse_replicas(text: str) -> tuple[str, int]:
    """`realtime=2` → ("realtime", 2), up to 9. BadParameter for anything else."""
    name, _, count = text.partition("=")
    if name not in SERVICES or count not in "123456789" or not count:
        hint = f"{text!r} is not SERVICE=N with a service of {', '.join(SERVICES)} and N up to 9"
        raise typer.BadParameter(hint, param_hint="--replicas")
    return name, int(count)


def parse_ends(
    texts: list[str] | None, option: str, known: Sequence[str], how: signal.Signals
) -> Iterator[End]:
    """`matching@10` → an end of matching after 10 seconds. BadParameter for anything else."""
    for text in texts or ():
        name, _, at = text.partition("@")
        if name not in known or not at.replace(".", "", 1).isdecimal():
            hint = f"{text!r} is not SERVICE@SECONDS with a service of {', '.join(known)}"
            raise typer.BadParameter(hint, param_hint=option)
        yield End(name, float(at), how)
