"""Our realtime edge and one on Node's socket.io, one after the other on the same core and the same bus."""

import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from bench.edge import load_process, servers
from bench.edge.run import Found, Sizes, run
from bench.harness import Figure, pinned
from bench.peers import node_edge
from stack.house import House
from stack.parts import parts
from stack.ports import Reservation
from stack.tokens import mint
from wire.bootstrap import bootstrap

SERVER_CORE, LOAD_CORE = 0, 1
UNITS = {
    "location_in": "/s",
    "fanout": "/s",
    "positions_out": "/s",
    "broadcast": "/s",
    "connects": "/s",
    "memory_per_socket": "B",
    "round_trip_p50": "µs",
    "round_trip_p99": "µs",
}


Names = tuple[servers.Name, ...]


def measure(sizes: Sizes | None = None, names: Names = ("ours", "node")) -> list[Figure]:
    """One repetition. Of those whose packages are there; ours always."""
    found = asyncio.run(_measure(sizes or Sizes(), names))
    return [*_beside_node(found), *_alone(found)]


def measure_stock() -> list[Figure]:
    """One repetition with the reference engine (python-socketio) beside ours, for information."""
    return measure(names=("ours", "stock"))


async def _measure(sizes: Sizes, names: Names) -> dict[servers.Name, Found]:
    found: dict[servers.Name, Found] = {}
    async with AsyncExitStack() as stack:
        with pinned(LOAD_CORE):
            house = await stack.enter_async_context(parts())
        await bootstrap(house.nats_url)
        for name in names:
            # In this thread: a core is pinned by thread, and a pool's thread keeps the bus's.
            if words := servers.command(name):
                found[name] = _one(house, name, list(words), sizes)
    return found


def _one(house: House, name: servers.Name, words: list[str], sizes: Sizes) -> Found:
    ports = Reservation()
    port = ports.port()
    try:
        with tempfile.TemporaryDirectory() as folder:
            load_process.prepare(Path(folder), _tokens(house, sizes))
            with (
                servers.serving(name, words, house.env_for("realtime"), port, SERVER_CORE) as server,
                load_process.loading(
                    Path(folder), LOAD_CORE, port, house.plan.ports.nats, sizes.hearers
                ) as load,
            ):
                return run(server, load, sizes)
    finally:
        ports.release()


def _tokens(house: House, sizes: Sizes) -> list[str]:
    """Drivers first, then customers; the names carry the socket's index (`forms`)."""
    drivers = sizes.warm_up + sizes.drivers
    key = house.jwt_key
    return [
        *(mint(f"driver-{index:012}", "pilot", key=key) for index in range(drivers)),
        *(mint(f"customer-{index:012}", "user", key=key) for index in range(drivers, sizes.sockets)),
    ]


def _beside_node(found: Mapping[servers.Name, Found]) -> list[Figure]:
    ours, node = found["ours"], found.get("node")
    peer = node_edge.version() if node else None
    return [
        Figure(f"{name}_vs_node", ours[name], unit, peer, node[name] if node else None)
        for name, unit in UNITS.items()
    ]


def _alone(found: Mapping[servers.Name, Found]) -> list[Figure]:
    """The others' absolute figures, and how busy the server's core was meanwhile."""
    figures = [
        Figure(f"{name}_{server}", told[name], unit)
        for server, told in found.items()
        if server != "ours"
        for name, unit in UNITS.items()
    ]
    return figures + [
        Figure(f"{name}_{server}", share, "% of its core")
        for server, told in found.items()
        for name, share in told.items()
        if name.endswith("_busy")
    ]
