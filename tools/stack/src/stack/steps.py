"""The steps of a start, shown to a person, each with a bound and a log to read when it fails."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console

from stack.errors import StackError

TAIL = 20  # lines of a log shown with a failure


class Steps:
    """Runs steps one after the other; silent without a console."""

    def __init__(self, console: Console | None) -> None:
        self._console = console

    async def run(self, title: str, work: Awaitable[object], *, seconds: float, log: Path) -> None:
        """Await `work` for at most `seconds`. StackError with the end of `log` if it fails or is late."""
        began = time.monotonic()
        try:
            with self._console.status(f"{title} …") if self._console else nullcontext():
                await asyncio.wait_for(work, seconds)
        except TimeoutError:
            raise StackError(f"{title}: not done within {seconds:.0f} s; {tail(log)}") from None
        except StackError:
            raise  # it names its own log
        except Exception as error:
            raise StackError(f"{title}: {error}; {tail(log)}") from error
        if self._console:
            self._console.print(
                f"[green]✓[/] {title} [dim]{time.monotonic() - began:.1f} s[/]", highlight=False
            )

    def skipped(self, what: str, log: Path) -> None:
        """Tell of something that is not there, and is not needed."""
        if self._console:
            self._console.print(f"[yellow]–[/] {what}; read {log}", highlight=False, soft_wrap=True)


def tail(log: Path) -> str:
    """Where to read on, and the last lines that are there."""
    if not log.is_file():
        return f"read {log}"
    lines = log.read_text(errors="replace").splitlines()[-TAIL:]
    return f"read {log}, which ends:\n" + "\n".join(f"  {line}" for line in lines)
