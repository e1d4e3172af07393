"""Matching in a process of its own: to be killed, and to run beside another one."""

import asyncio
import multiprocessing
import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx

from matching.main import main
from matching.settings import Settings
from wire.run import run

from .conftest import KEY, free_port

PATIENCE_S = 60.0
TAIL = 2_000

# Each is forked from a process that has imported matching and done nothing else: a start takes a tenth of the
# time that `python -m matching` does, which is nearly all imports.
_nursery = multiprocessing.get_context("forkserver")
_nursery.set_forkserver_preload(["matching.main"])


def _live(settings: Settings, log: Path) -> None:
    """What `python -m matching` does."""
    with log.open("ab", buffering=0) as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    run(lambda: main(settings), drain_seconds=settings.drain_seconds)


class Process:
    """One matching process. `url` stays the same when it is started again."""

    def __init__(self, nats_url: str, database_url: str, log: Path) -> None:
        self.settings = Settings(
            nats_url=nats_url,
            database_url=database_url,
            http_port=free_port(),
            jwt_key=KEY,
            log_level="warning",
            silence_seconds=3600,  # on a slow machine nobody falls silent by accident
        )
        self.url = f"http://127.0.0.1:{self.settings.http_port}"
        self.log = log
        self._running: BaseProcess | None = None

    @property
    def alive(self) -> bool:
        return self._running is not None and self._running.is_alive()

    def spawn(self) -> None:
        """Returns at once."""
        self._running = _nursery.Process(target=_live, args=(self.settings, self.log))
        self._running.start()

    async def start(self) -> None:
        """Returns when it says that it is ready; a timeout or its end fails the test."""
        self.spawn()
        await self.ready()

    async def ready(self) -> None:
        """Until it says so."""
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient() as http:
            while not await self._says_so(http):
                assert self.alive, self.log.read_text()[-TAIL:]
                await asyncio.sleep(0.05)

    async def _says_so(self, http: httpx.AsyncClient) -> bool:
        try:
            return (await http.get(f"{self.url}/readyz")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    async def kill(self) -> None:
        """`kill -9`; returns when it is gone. Nothing, if it does not run."""
        if self._running:
            self._running.kill()
            await asyncio.to_thread(self._running.join)
            self._running = None
