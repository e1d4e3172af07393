"""A Node program that does as it is told: a command a line in, its answer a line out (`node/commands.js`)."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from bench.harness import pinned
from stack.node import NODE

FOLDER = Path(__file__).parent / "node"
LINE_BYTES = 16 * 2**20
"""The longest answer: 10,000 arrivals are less than one MiB."""


class NodeProcess:
    """A running one."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process, self.process = process, psutil.Process(process.pid)

    async def do(self, *command: object, seconds: float = 60) -> Any:
        """One command, its answer. RuntimeError when it ended instead, TimeoutError after so many seconds."""
        asked, told = self._process.stdin, self._process.stdout
        if asked is None or told is None:
            raise RuntimeError("it has no pipes")
        asked.write(json.dumps(command).encode() + b"\n")
        async with asyncio.timeout(seconds):
            line = await told.readline()
        if not line:
            raise RuntimeError(f"{self._process.pid} gave up at {command}")
        return json.loads(line)


@asynccontextmanager
async def node(script: str, *arguments: object, core: int) -> AsyncIterator[NodeProcess]:
    """`node/<script>` on this core, ready; killed on leaving."""
    words = [str(NODE), str(FOLDER / script), *map(str, arguments)]
    with pinned(core):
        process = await asyncio.create_subprocess_exec(
            *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=LINE_BYTES
        )
    try:
        running = NodeProcess(process)
        await running.do("ready")
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
