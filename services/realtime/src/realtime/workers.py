"""Several edges behind one port: a parent that keeps so many processes running, and ends them with itself."""

import asyncio
import os
import signal
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

import structlog

log = structlog.get_logger()

QUICK_SECONDS = 5.0
"""A worker that dies sooner after its start may die of something that does not pass."""
PAUSES = (0.25, 0.5, 1, 2, 4)
"""Seconds before a worker is started again, after one that died quickly, after the next in a row, …"""


async def keep_running(
    count: int, command: Sequence[str], end_seconds: float, pauses: Sequence[float] = PAUSES
) -> int:
    """Run `command` so many times, and again whenever one dies, until SIGTERM or SIGINT; then end all.

    It also ends, so that whoever started it sees it, when more die quickly in a row than there are `pauses`.
    Each gets SIGTERM and `end_seconds`. Returns an exit status: 0 if all ended as told, else 1. Each finds a
    pipe at its standard input that ends with this process, for `end_with_parent`.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with asyncio.TaskGroup() as group:
        places = [group.create_task(_keep_one(command, stopping, end_seconds, pauses)) for _ in range(count)]
    return max(place.result() for place in places)


def end_with_parent() -> None:
    """For a worker: SIGTERM to ourselves once the parent is gone, however it went."""
    threading.Thread(target=_wait_for_parent, name="parent", daemon=True).start()


def _wait_for_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


async def _keep_one(
    command: Sequence[str], stopping: asyncio.Event, end_seconds: float, pauses: Sequence[float]
) -> int:
    loop, quick = asyncio.get_running_loop(), 0
    while not stopping.is_set():
        started = loop.time()
        worker = await asyncio.create_subprocess_exec(*command, stdin=PIPE)
        log.info("worker.started", worker=worker.pid)
        if await _until_dead(worker, stopping):
            return await _end(worker, end_seconds)
        log.error("worker.died", worker=worker.pid, status=worker.returncode)
        quick = quick + 1 if loop.time() - started < QUICK_SECONDS else 0
        if quick > len(pauses):
            log.error("worker.given_up")
            stopping.set()
            return 1
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pauses[max(0, quick - 1)])
    return 0


async def _until_dead(worker: Process, stopping: asyncio.Event) -> bool:
    """Whether we are to stop before that."""
    dead, stop = asyncio.create_task(worker.wait()), asyncio.create_task(stopping.wait())
    await asyncio.wait({dead, stop}, return_when=asyncio.FIRST_COMPLETED)
    for task in (dead, stop):
        task.cancel()
    return stopping.is_set()


async def _end(worker: Process, seconds: float) -> int:
    with suppress(ProcessLookupError):
        worker.terminate()
    ended = asyncio.create_task(worker.wait())
    await asyncio.wait({ended}, timeout=seconds)
    if not ended.done():
        log.error("worker.killed", worker=worker.pid)
        worker.kill()
    # By SIGTERM itself: it had not yet begun to serve.
    return 0 if await ended in {0, -signal.SIGTERM} else 1
