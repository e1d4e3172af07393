"""Working through a queue of rows: a bounded number at once, looked for when woken and now and then."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

GATHER = 0.005
"""Seconds that a place which came free waits for others, so that they are filled by one claim."""


@dataclass(frozen=True)
class Pace:
    """`places`: how many are worked on at once. Every `poll_seconds` what nobody announced is looked for.
    `drain_seconds`: how long work under way may take to end."""

    places: int
    poll_seconds: float
    drain_seconds: float


async def work_off(
    claim: Callable[[int], Awaitable[Sequence[T]]],
    work: Callable[[T], Awaitable[None]],
    wake: asyncio.Event,
    pace: Pace,
) -> None:
    """Run for ever: `claim` as many as there are free places, and `work` on each; neither may raise. When
    cancelled, work under way gets `drain_seconds`, and is cancelled then."""
    under_way: set[asyncio.Task[None]] = set()
    try:
        while True:
            wake.clear()
            free = pace.places - len(under_way)
            claimed = await claim(free)
            for one in claimed:
                task = asyncio.ensure_future(work(one))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            if len(claimed) == free:  # all places are taken, and more may be waiting
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.sleep(GATHER)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pace.poll_seconds):
                        await wake.wait()
    finally:
        await _drain(under_way, pace.drain_seconds)


async def _drain(under_way: set[asyncio.Task[None]], seconds: float) -> None:
    if under_way:
        _, unfinished = await asyncio.wait(under_way, timeout=seconds)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
