"""What each part has used up to now, and what it used between two such readings."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
import httpx
import psutil  # type: ignore[import-untyped]

from stack.house import House
from stack.plan import SERVICES, WITH_DATABASE

PARTS = (*SERVICES, "nats", "postgres")
STREAMS = ("DISPATCH", "TRACKING", "TIMERS")
MIB = 1024 * 1024

TRANSACTIONS = "SELECT datname, xact_commit + xact_rollback FROM pg_stat_database WHERE datname = ANY($1)"
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = ANY($1)"
WAL = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8"

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Reading:
    """`totals` only grow: CPU seconds, messages, kB, transactions. `levels`: MiB and connections just now."""

    at: float
    totals: Figures
    levels: Figures


def between(before: Reading, after: Reading) -> dict[str, float]:
    """What grew, a second; the levels as they were at the end."""
    took = after.at - before.at
    return {name: (after.totals[name] - before.totals[name]) / took for name in after.totals} | dict(
        after.levels
    )


async def read(house: House) -> Reading:
    """Now. PostgreSQL is the sum of its processes; memory is PSS."""
    used = {f"{part}_cores": _cpu_s(house.pid(part)) for part in PARTS}
    at = time.monotonic()
    memory = {f"{part}_memory": _memory(house.pid(part)) for part in PARTS}
    messages = await _nats(house)
    transactions, connections = await _postgres(house)
    return Reading(at, {**used, **messages, **transactions}, {**memory, "postgres_connections": connections})


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _cpu_s(pid: int) -> float:
    """Those of children that have ended included."""
    ended = psutil.Process(pid).cpu_times()
    living = [process.cpu_times() for process in _family(pid)]
    return float(ended.children_user + ended.children_system + sum(one.user + one.system for one in living))


def _memory(pid: int) -> float:
    return sum(float(process.memory_full_info().pss) for process in _family(pid)) / MIB


async def _nats(house: House) -> dict[str, float]:
    """Messages and kB that the server took and gave, and what it stored of an order's way."""
    async with httpx.AsyncClient(base_url=house.nats_monitor_url, trust_env=False) as http:
        server = (await http.get("/varz")).json()
        stored = (await http.get("/jsz", params={"streams": "true"})).json()
    (account,) = stored["account_details"]
    streams = {one["name"]: one["state"]["bytes"] / 1000 for one in account["stream_detail"]}
    (events,) = (one["state"]["last_seq"] for one in account["stream_detail"] if one["name"] == "DISPATCH")
    return {
        "nats_messages_in": server["in_msgs"],
        "nats_messages_out": server["out_msgs"],
        "nats_kb_out": server["out_bytes"] / 1000,
        "nats_events": events,
        **{f"nats_stored_{name}": streams[name] for name in STREAMS},
    }


async def _postgres(house: House) -> tuple[dict[str, float], float]:
    """Transactions of each database and kB of WAL; connections of all."""
    connection = await asyncpg.connect(house.plan.cluster.url("postgres"))
    try:
        ended = await connection.fetch(TRANSACTIONS, WITH_DATABASE)
        wal = await connection.fetchval(WAL)
        connections = await connection.fetchval(CONNECTIONS, WITH_DATABASE)
    finally:
        await connection.close()
    transactions = {f"postgres_transactions_{name}": float(count) for name, count in ended}
    return {**transactions, "postgres_wal_kb": wal / 1000}, float(connections)
