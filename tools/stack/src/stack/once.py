"""Commands that run once to their end: migrations, the declaration of the streams, the console's build."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from stack.errors import StackError
from stack.steps import tail


async def run_once(command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
    """Run `command`, output to `log`. StackError if its status is not 0.

    If we are cancelled it is killed, and with it the processes that it has started.
    """
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        status = await process.wait()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    if status != 0:
        raise StackError(f"{command[-1]} ended with status {status}; {tail(log)}")
