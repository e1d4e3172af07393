"""What the senders share: the receiver of their pushes, and how busy everybody is meanwhile."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from apns_standin.credentials import key_in
from bench.harness import percentile
from bench.peers import node_push
from bench.peers.node_process import NodeProcess
from stack.house import House
from stack.parts import parts
from stack.ports import HOST, Reservation
from standins.certificates import certificates_in
from wire.bootstrap import bootstrap

SENDER_CORE, REST_CORE = 0, 1
GIVE_UP_S = 90.0


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    warm_up: int = 500
    pushes: int = 10_000
    """Besides the warm-up."""
    offers: int = 10_000
    steady: int = 1_000
    rate: int = 100
    """Offers a second, when it is their delay that is measured."""


@dataclass(frozen=True)
class World:
    """The parts and the receiver, all on one core; the sender that is measured has the other."""

    house: House
    target: node_push.Target
    sink: NodeProcess
    http_port: int


Found = dict[str, float]


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """On this core, on which we should be ourselves."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ports = Reservation()
        stack.callback(ports.release)
        target = node_push.Target(ports.port(), certificates_in(folder, HOST), key_in(folder))
        house = await stack.enter_async_context(parts())
        await bootstrap(house.nats_url)
        sink = await stack.enter_async_context(node_push.sink(target, REST_CORE))
        yield World(house, target, sink, ports.port())


class Busy:
    """How much of its core each of these uses from now on."""

    def __init__(self, **processes: psutil.Process) -> None:
        self._processes, self._before = processes, {name: _cpu_s(one) for name, one in processes.items()}

    def shares(self, seconds: float) -> Mapping[str, float]:
        """In percent of these seconds."""
        used = {name: _cpu_s(one) - self._before[name] for name, one in self._processes.items()}
        return {name: cpu_s / seconds * 100 for name, cpu_s in used.items()}


def _cpu_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


async def all_came_once(sink: NodeProcess, many: int) -> float:
    """Wait for so many since the last time; when the last came, in seconds of the monotonic clock.

    RuntimeError if one came twice.
    """
    told = await sink.do("received", many, seconds=GIVE_UP_S)
    if not told["received"] == told["distinct"] == many:
        raise RuntimeError(f"{many} pushes were sent, and came as {told}")
    await sink.do("forget")
    return float(told["last_ms"]) / 1000


async def delays(sink: NodeProcess, began: Mapping[str, float]) -> Found:
    """p50 and p99 in milliseconds, from these times of the monotonic clock, by collapse id, to arrival."""
    await sink.do("received", len(began), seconds=GIVE_UP_S)
    arrived = dict(await sink.do("arrivals"))
    await sink.do("forget")
    taken = [arrived[collapse_id] - at for collapse_id, at in began.items()]
    return {"p50": percentile(taken, 0.50), "p99": percentile(taken, 0.99)}
