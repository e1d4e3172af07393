"""Matching in a process of its own: to be killed, and to run beside another one."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx

from stack.plan import inherited, python_module

from .conftest import KEY, free_port

PATIENCE_S = 60.0
TAIL = 2_000


class Process:
    """`python -m matching`. `url` stays the same when it is started again."""

    def __init__(self, nats_url: str, database_url: str, log: Path, **settings: object) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        told = {
            "nats_url": nats_url,
            "database_url": database_url,
            "http_port": port,
            "jwt_key": KEY,
            "log_level": "warning",
            "silence_seconds": 3600,  # on a slow machine nobody falls silent by accident
        }
        self.env: Mapping[str, str] = {
            **inherited(),
            **{f"WAGGLE_{name.upper()}": str(value) for name, value in (told | settings).items()},
        }
        self._running: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Returns when it is ready."""
        await self.spawn()
        await self.ready()

    async def spawn(self) -> None:
        """Returns at once."""
        with self.log.open("ab") as log:
            self._running = await asyncio.create_subprocess_exec(
                *python_module("matching"), env=self.env, stdout=log, stderr=log
            )

    async def ready(self) -> None:
        """Until it answers that it is; a timeout or its end fails the test."""
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient() as http:
            while not await self._says_so(http):
                assert self._running is not None
                assert self._running.returncode is None, self.log.read_text()[-TAIL:]
                await asyncio.sleep(0.05)

    async def _says_so(self, http: httpx.AsyncClient) -> bool:
        try:
            return (await http.get(f"{self.url}/readyz")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    async def kill(self) -> None:
        """`kill -9`; returns when it is gone. Nothing, if it does not run."""
        if self._running and self._running.returncode is None:
            self._running.kill()
            await self._running.wait()
