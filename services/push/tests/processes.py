"""Push as a process of its own, which can be killed."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

World = Any


async def spawned(world: World, log: Path | None = None, **changes: Any) -> asyncio.subprocess.Process:
    """`python -m push` as a process of its own, ready; what it logs goes into `log`."""
    given = world.settings(**changes).model_dump(exclude_none=True)
    env = {f"WAGGLE_{name.upper()}": plain(value) for name, value in given.items()}
    command = (sys.executable, "-m", "push")
    with open(log or os.devnull, "ab") as out:  # noqa: ASYNC230  once, before anything runs
        process = await asyncio.create_subprocess_exec(*command, env=os.environ | env, stdout=out)
    try:
        await world.ready()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return process


def plain(value: Any) -> str:
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)
