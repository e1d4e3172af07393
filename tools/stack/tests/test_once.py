"""Commands that run once."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.once import run_once

CHILD = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
PARENT = f"""
import subprocess, sys
told = open(sys.argv[1], "w")
subprocess.run([sys.executable, "-c", {CHILD!r}], stdout=told)
"""


async def test_a_command_that_is_cancelled_takes_along_what_it_started(tmp_path: Path) -> None:
    """As npm does, each of whose scripts is a process of its own. The pipe ends with the last of them."""
    told = tmp_path / "told"
    os.mkfifo(told)
    command = [sys.executable, "-c", PARENT, str(told)]
    run = asyncio.create_task(run_once(command, os.environ, tmp_path / "log"))
    with await asyncio.to_thread(told.open) as pipe:
        child = int(await asyncio.to_thread(pipe.readline))
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        try:
            await asyncio.wait_for(asyncio.to_thread(pipe.read), 30)
        except TimeoutError:
            os.kill(child, signal.SIGKILL)
            raise


async def test_a_command_that_fails_is_an_error_with_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such table')"]
    with pytest.raises(StackError, match=r"(?s)status 1; read .*no such table"):
        await run_once(command, os.environ, tmp_path / "log")
