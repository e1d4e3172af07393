"""How the command ends: by itself, by a signal, by trouble."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import uvloop
from rich.console import Console

from city.edge import UnreachableError
from city.people import SetupError
from stack.errors import StackError

INTERRUPTED = 130
TROUBLE = (StackError, SetupError, UnreachableError, OSError)


def finish(work: Coroutine[Any, Any, bool], console: Console, *, endless: bool) -> int:
    """Run `work`; its exit status: 0 if it answers True.

    SIGINT, SIGTERM and SIGHUP end it at once, in order; that is the usual end of an endless run (0), and
    leaves any other unchecked (130).
    """
    return uvloop.run(_finish(work, console, 0 if endless else INTERRUPTED))


async def _finish(work: Coroutine[Any, Any, bool], console: Console, interrupted: int) -> int:
    task = asyncio.create_task(work)
    asked = asyncio.Event()

    def ask() -> None:
        if not asked.is_set():  # later signals do not disturb the ending
            asked.set()
            console.print("ending …")
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ask)
    try:
        return 0 if await task else 1
    except asyncio.CancelledError:
        if not asked.is_set():
            raise
        return interrupted
    except TROUBLE as error:
        console.print(f"✗ {error}", highlight=False, markup=False, style="red")
        return 1
