"""The load, a process of its own: `python -m bench.capacity.load`.

The first line of its standard input says where the services are; each further one is a command with its
numbers, answered by a line of JSON when it is done.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterable
from itertools import cycle
from typing import Any, TypeVar

import aiohttp

from bench.capacity.people import Customer, Driver
from bench.capacity.world import World

T = TypeVar("T")

AT_ONCE, RIDES_AT_ONCE = 8, 20
TIMEOUT = aiohttp.ClientTimeout(total=60)


class Load:
    """Who is there, and what they do."""

    def __init__(self, world: World) -> None:
        self._world, self._drivers, self._customers = world, list[Driver](), list[Customer]()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._ordering: asyncio.Task[None] | None = None
        world.go_on.set()

    async def online(self, drivers: float) -> None:
        """Until so many drivers are online."""
        admin = self._world.token("capacity", "admin")
        numbers = range(len(self._drivers), int(drivers))
        self._drivers += await self._gather(Driver.online(self._world, number, admin) for number in numbers)

    async def customers(self, many: float) -> None:
        """Until so many customers are connected."""
        numbers = range(len(self._customers), int(many))
        self._customers += await self._gather(Customer.connected(self._world, number) for number in numbers)

    async def order(self, a_minute: float, step_s: float) -> None:
        """From now on so many orders a minute, the customers by turns."""
        if self._ordering:
            self._ordering.cancel()
        self._world.step_s = step_s
        if a_minute:
            self._ordering = self._world.begin(self._order(60 / a_minute))

    async def ride(self, many: float, step_s: float) -> None:
        """Until so many jobs are under way, one a customer, where they stay, or found nobody."""
        world, held = self._world, int(many)
        await world.until(lambda: world.over >= world.counts["orders"])
        world.go_on.clear()
        world.step_s, before = step_s, world.counts["riding"] + world.over
        for first in range(0, held, RIDES_AT_ONCE):
            here = self._customers[first : min(held, first + RIDES_AT_ONCE)]
            await self._gather(customer.order(world) for customer in here)
            await self._until_riding(before + first + len(here))

    async def _until_riding(self, many: int) -> None:
        await self._world.until(lambda: self._world.counts["riding"] + self._world.over >= many)

    async def speak(self, ride_s: float) -> None:
        """From now on drivers on a job say so often where they are."""
        self._world.ride_s = ride_s

    async def _order(self, pause: float) -> None:
        for customer in cycle(self._customers):
            self._world.begin(customer.order(self._world))
            await asyncio.sleep(pause)

    async def _gather(self, works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        async def one(work: Coroutine[Any, Any, T]) -> T:
            async with self._places:
                return await work

        return await asyncio.gather(*(one(work) for work in works))

    def told(self) -> dict[str, Any]:
        """What was counted since the start, and what failed."""
        return {"counts": dict(self._world.counts), "failed": self._world.failed[:3]}


async def main() -> None:
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    where = json.loads(await lines.readline())
    connector = aiohttp.TCPConnector(limit=0, force_close=True)  # else a server may have hung up just before
    async with aiohttp.ClientSession(connector=connector, timeout=TIMEOUT) as http:
        load = Load(World(where["urls"], where["key"], http))
        commands: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
            "online": load.online,
            "customers": load.customers,
            "order": load.order,
            "ride": load.ride,
            "speak": load.speak,
        }
        while line := (await lines.readline()).decode():
            name, *numbers = line.split()
            if name != "count":
                await commands[name](*map(float, numbers))
            print(json.dumps(load.told()), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
