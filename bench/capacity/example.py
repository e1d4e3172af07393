"""A city reckoned from measured costs and from what deploy/k8s says of a pod."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, inf

from bench.capacity.costs import SERVICES, Costs
from bench.capacity.deployed import Deployed
from contracts.streams import STREAMS

FULL = 0.6
"""Cores of a pod at which there should be another, where no autoscaler says."""


@dataclass(frozen=True)
class City:
    """`ride_s`: between two positions on a job. C4: 10 s, or 50 m, which at 30 km/h are 6."""

    drivers: int = 10_000
    jobs_an_hour: int = 20_000
    job_minutes: int = 20
    ride_s: float = 6.0

    @property
    def riding(self) -> float:
        """Jobs under way; each has a driver and a customer on a socket."""
        return self.jobs_an_hour / 60 * self.job_minutes

    @property
    def positions(self) -> float:
        """A second, of drivers on a job. Those of idle ones are in the cost of a driver."""
        return self.riding / self.ride_s

    @property
    def sockets(self) -> float:
        return self.drivers + self.riding


def work(costs: Costs, row: str, city: City, drivers: float) -> float:
    """What that row grows by over what it is at rest."""
    cost = costs[row]
    return (
        cost["per_1000_drivers"] * drivers / 1000
        + cost.get("per_100_orders_a_minute", 0) * city.jobs_an_hour / 60 / 100
        + cost.get("per_1000_positions_a_second", 0) * city.positions / 1000
    )


def pods(costs: Costs, service: str, city: City, one: Deployed) -> int:
    """By sockets and by CPU, whichever takes more; not fewer than there are always."""
    of_sockets = ceil(city.sockets / one.sockets)
    room = (FULL if one.cores == inf else one.cores) - costs[f"{service}_cores"]["at_rest"]
    return max(
        one.least, of_sockets, ceil(work(costs, f"{service}_cores", city, people(service, city)) / room)
    )


def people(service: str, city: City) -> float:
    """Whom a service takes for drivers: a customer's socket costs an edge not more than an idle driver's."""
    return city.sockets if service == "realtime" else city.drivers


def table(costs: Costs, city: City, said: Mapping[str, Deployed]) -> str:
    """Markdown."""
    lines = [
        "| | pods | cores a pod | asked for | MiB a pod | asked for, limit | connections |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for service in SERVICES:
        one = said[service]
        many, crowd = pods(costs, service, city, one), people(service, city)
        cores, memory = (
            costs[f"{service}_{what}"]["at_rest"] + work(costs, f"{service}_{what}", city, crowd) / many
            for what in ("cores", "memory")
        )
        lines.append(
            f"| {service} | {many} (of {one.most}) | {cores:.2f} | {one.request_cores:g} | {memory:.0f} "
            f"| {one.request_memory:.0f}, {one.limit_memory:.0f} | {many * one.connections or '–'} |"
        )
    for part, title in (("nats", "NATS"), ("postgres", "PostgreSQL")):
        cores = costs[f"{part}_cores"]["at_rest"] + work(costs, f"{part}_cores", city, city.drivers)
        lines.append(f"| {title} | 1 | {cores:.2f} | | | | |")
    return "\n".join(lines)


def sums(costs: Costs, city: City, said: Mapping[str, Deployed]) -> str:
    """What the bus, the disks and the databases get of it."""

    def all_of(*rows: str) -> float:
        return sum(costs[row]["at_rest"] + work(costs, row, city, city.drivers) for row in rows)

    connections = sum(pods(costs, name, city, one) * one.connections for name, one in said.items())
    transactions = all_of(*(row for row in costs if row.startswith("postgres_transactions_")))
    kept = {name: _kept_hours(name, all_of(f"nats_stored_{name}")) for name in ("DISPATCH", "TRACKING")}
    bus = {name: all_of(f"nats_{name}") for name in ("messages_in", "messages_out", "kb_out", "events")}
    return f"""\
- {city.sockets:,.0f} sockets; {city.positions:,.0f} positions a second of drivers on a job.
- NATS takes {bus["messages_in"]:,.0f} messages a second and gives {bus["messages_out"]:,.0f} \
({bus["kb_out"] / 1000:.1f} MB/s); {bus["events"]:,.0f} are events of DISPATCH, each on disk before the next.
- DISPATCH holds {kept["DISPATCH"]}, TRACKING {kept["TRACKING"]}: who reads them may be away as long.
- PostgreSQL has {connections} connections, ends {transactions:,.0f} transactions a second, and writes \
{all_of("postgres_wal_kb") * 86_400 / 1e6:,.0f} GB of WAL a day."""


def _kept_hours(name: str, kb_a_second: float) -> str:
    """What a stream has room for, or is kept for."""
    (stream,) = (one for one in STREAMS if one.name == name)
    room = stream.max_bytes / 1000 / kb_a_second / 3600
    return f"{min(room, stream.max_age.total_seconds() / 3600):.0f} h"
