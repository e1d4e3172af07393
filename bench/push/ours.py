"""The push service: a queue sent, offers from the bus to the receiver, and their delay."""

import asyncio
import subprocess
import sys
import time
from dataclasses import dataclass

import nats
import psutil  # type: ignore[import-untyped]
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bench.harness import pinned
from bench.push import offers, queue
from bench.push.service import service
from bench.push.world import GIVE_UP_S, SENDER_CORE, Busy, Found, Sizes, World, all_came_once, delays
from stack.plan import APNS_KEY_ID, APNS_TEAM_ID
from wire.migrate import upgrade

AT_ONCE = 200
"""Pushes from memory under way at the same time, as in `peer`."""


@dataclass(frozen=True)
class Running:
    """The service, with its database and a way to the bus."""

    process: psutil.Process
    engine: AsyncEngine
    nc: Client


async def run(world: World, sizes: Sizes) -> Found:
    """`memory`, `rows`, `offers` a second, `p50`, `p99`, and how busy the service was."""
    from_memory = await _memory(world, sizes)
    url = await world.house.fresh_database()
    await upgrade("push", url)
    engine, nc = create_async_engine(url), await nats.connect(world.house.nats_url)
    try:
        tokens = await queue.register(engine, sizes.warm_up + sizes.pushes)
        await queue.queue(engine, tokens)
        with service(world, url) as process:
            running = Running(process, engine, nc)
            found = await _rows(world, sizes, running, tokens)
            found |= await _offers(world, sizes, running)
            began = await offers.steadily(nc, sizes.steady, sizes.rate)
            return from_memory | found | await delays(world.sink, began)
    finally:
        await nc.close()
        await engine.dispose()


async def _memory(world: World, sizes: Sizes) -> Found:
    """Neither service nor database: only what it sends with."""
    target = world.target
    files = (target.certificates.ca_file, target.key_file, APNS_KEY_ID, APNS_TEAM_ID)
    words = map(str, (target.port, *files, sizes.warm_up, sizes.pushes, AT_ONCE))
    with pinned(SENDER_CORE):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.push.from_memory", *words, stdout=subprocess.PIPE
        )
    try:
        async with asyncio.timeout(GIVE_UP_S):
            told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    await all_came_once(world.sink, sizes.warm_up + sizes.pushes)
    return {"memory": sizes.pushes / float(told)}


async def _rows(world: World, sizes: Sizes, running: Running, tokens: list[str]) -> Found:
    """From the moment that queued rows are due until all are sent and written back."""
    await queue.become_due(running.engine, tokens[: sizes.warm_up])
    await offers.wake(running.nc)
    await queue.until_sent(running.engine, sizes.warm_up)
    await all_came_once(world.sink, sizes.warm_up)
    busy = Busy(rows_busy=running.process, rows_sink_busy=world.sink.process)
    began = await queue.become_due(running.engine, tokens[sizes.warm_up :])
    await offers.wake(running.nc)
    await queue.until_sent(running.engine, len(tokens))
    took = time.monotonic() - began
    await all_came_once(world.sink, sizes.pushes)
    return {"rows": sizes.pushes / took, **busy.shares(took)}


async def _offers(world: World, sizes: Sizes, running: Running) -> Found:
    """From the first offer's publication until the last is at the receiver."""
    await offers.at_full_speed(running.nc, sizes.warm_up)
    await all_came_once(world.sink, sizes.warm_up)
    busy = Busy(offers_busy=running.process)
    began = await offers.at_full_speed(running.nc, sizes.offers)
    took = await all_came_once(world.sink, sizes.offers) - began
    return {"offers": sizes.offers / took, **busy.shares(took)}
