"""Our end of the supervisor process: orders to it, and what it tells about its processes."""

import asyncio
import itertools
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from stack import leftovers
from stack.errors import StackError
from stack.program import Charge, Tier
from stack.state import write_private

SLACK = 5.0  # seconds on top of the programs' own grace before the supervisor itself is killed


class Supervisor:
    """A running supervisor. `pids` and `exits` follow what it tells; `gone` is set when it has ended.

    `on_spawn` is called after each change of `pids` by a spawn.
    """

    def __init__(self, process: asyncio.subprocess.Process, charge: Charge) -> None:
        self.pids: dict[str, int] = {}
        self.exits: Counter[str] = Counter()
        self.gone = asyncio.Event()
        self.on_spawn: Callable[[], None] = lambda: None
        self._process = process
        self._orders = cast("asyncio.StreamWriter", process.stdin)
        self._told = cast("asyncio.StreamReader", process.stdout)
        self._charge = charge
        self._answers: dict[int, asyncio.Future[None]] = {}
        self._numbers = itertools.count()
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def launch(cls, charge: Charge, *, lock: int, to_terminal: bool) -> "Supervisor":
        """Start it, with nothing running in it yet. It keeps `lock` open as long as it lives."""
        path = charge.folder / "supervisor.json"
        write_private(path, json.dumps(charge.to_json()))
        with (charge.log_folder / "supervisor.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "stack.supervisor",
                str(path),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=None if to_terminal else log,
                pass_fds=[lock],
                start_new_session=True,  # a Ctrl-C is for us alone; we then end it in order
            )
        return cls(process, charge)

    async def start(self, name: str) -> None:
        """Start the program `name`; returns when it was spawned, not when it is ready."""
        await self._order("start", name)

    async def stop(self, name: str) -> None:
        """End the program `name` (its stop signal, after its grace SIGKILL) and keep it down."""
        await self._order("stop", name)
        self.pids.pop(name, None)

    async def kill(self, name: str, signal: int) -> None:
        """Send `signal`; returns when the program was spawned anew. The signal must be one that ends it."""
        before = self.pids[name]
        with suppress(ProcessLookupError):  # it has just ended by itself, and is about to be replaced
            os.kill(before, signal)
        async with self._news:
            await self._news.wait_for(lambda: self.gone.is_set() or self.pids.get(name, before) != before)
        self._check()

    async def keeps_ending(self, name: str, times: int) -> None:
        """Return when the program `name` has ended `times` times from now, or the supervisor itself has."""
        last = self.exits[name] + times
        async with self._news:
            await self._news.wait_for(lambda: self.gone.is_set() or self.exits[name] >= last)

    def show(self) -> None:
        """From now on the lines of all processes appear on the terminal."""
        self._write({"do": "show"})

    async def end(self) -> None:
        """End every program in order, then the supervisor; what is left after that is killed."""
        self._orders.close()
        bound = sum(
            max((p.grace for p in self._charge.programs if p.tier is tier), default=0.0) for tier in Tier
        )
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), bound + SLACK)
        if self._process.returncode is None:
            self._process.kill()
        await self._reading
        await self._process.wait()
        await asyncio.to_thread(leftovers.end, self._charge.folder / leftovers.RECORD)

    async def _order(self, do: str, name: str) -> None:
        self._check()
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._write({"do": do, "name": name, "id": number})
        try:
            await answer
        finally:  # also when we are cancelled: the answer to come then finds nobody
            self._answers.pop(number, None)

    def _write(self, order: dict[str, Any]) -> None:
        self._orders.write(json.dumps(order).encode() + b"\n")

    def _check(self) -> None:
        if self.gone.is_set():
            raise StackError(f"the supervisor has ended; read {self._charge.log_folder / 'supervisor.log'}")

    async def _read(self) -> None:
        while line := await self._told.readline():
            await self._heard(json.loads(line))
        self.gone.set()
        for answer in list(self._answers.values()):
            answer.set_exception(StackError("the supervisor ended before it answered"))
        async with self._news:
            self._news.notify_all()

    async def _heard(self, news: dict[str, Any]) -> None:
        if "id" in news:
            if answer := self._answers.pop(news["id"], None):
                answer.set_result(None)
            return
        if news["event"] == "spawned":
            self.pids[news["name"]] = news["pid"]
            self.on_spawn()
        else:
            self.exits[news["name"]] += 1
        async with self._news:
            self._news.notify_all()
