"""The load from outside: started, told what to do, asked what it did."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from stack.house import House
from stack.plan import SERVICES, inherited

LINE_BYTES = 1 << 20


class Load:
    """The words of `do` are the commands of `bench.capacity.load`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the load has no pipes")
        self._asked, self._told = process.stdin, process.stdout

    def begin(self, where: dict[str, Any]) -> None:
        """The first line."""
        self._asked.write(json.dumps(where).encode() + b"\n")

    async def do(self, *words: object) -> dict[str, int]:
        """What is counted, once that is done. RuntimeError if the load ended, or something failed in it."""
        self._asked.write(" ".join(map(str, words)).encode() + b"\n")
        line = await self._told.readline()
        if not line:
            raise RuntimeError(f"the load gave up at {words}")
        told: dict[str, Any] = json.loads(line)
        if told["failed"]:
            raise RuntimeError(f"the load failed: {told['failed']}")
        counts: dict[str, int] = told["counts"]
        return counts


@asynccontextmanager
async def loading(house: House) -> AsyncIterator[Load]:
    """Nobody is there yet. Everybody goes on leaving."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.capacity.load",
        env=inherited(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_BYTES,
    )
    try:
        load = Load(process)
        urls = {service: house.service_url(service) for service in SERVICES}
        load.begin({"urls": urls, "key": house.jwt_key})
        yield load
    finally:
        process.kill()
        await process.wait()
