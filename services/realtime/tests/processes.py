"""An edge as it is run: a process of its own, configured by its environment."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from .conftest import KEY


class EdgeProcess:
    """`process` is running, and may or may not be ready."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process, self.url = process, url

    async def status(self, path: str) -> int:
        """HTTP status of `path`; 0 while nobody listens."""
        async with httpx.AsyncClient() as client:
            with suppress(httpx.HTTPError):
                return (await client.get(self.url + path)).status_code
        return 0

    async def until(self, path: str, status: int) -> None:
        async with asyncio.timeout(60):
            while await self.status(path) != status:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def edge_process(
    nats_url: str, port: int, trace_file: Path | None = None, engine: str = "fast", **changed: object
) -> AsyncIterator[EdgeProcess]:
    """Started, not awaited; ended at the end. `changed`: more settings."""
    env = {
        **os.environ,
        "WAGGLE_NATS_URL": nats_url,
        "WAGGLE_HTTP_PORT": str(port),
        "WAGGLE_JWT_KEY": KEY,
        "WAGGLE_DRAIN_SECONDS": "20",
        "WAGGLE_ENGINE": engine,
        **{f"WAGGLE_{name.upper()}": str(value) for name, value in changed.items()},
    }
    if trace_file:
        env["WAGGLE_TRACE_FILE"] = str(trace_file)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "realtime", env=env)
    try:
        yield EdgeProcess(process, f"http://127.0.0.1:{port}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def connections(monitor_url: str) -> dict[int, dict[str, Any]]:
    """Connections named `realtime` at the NATS server, by id, with their subscriptions and figures."""
    async with httpx.AsyncClient() as client:
        listed = json.loads((await client.get(f"{monitor_url}/connz?subs=1&limit=1000")).text)
    return {found["cid"]: found for found in listed["connections"] if found.get("name") == "realtime"}
