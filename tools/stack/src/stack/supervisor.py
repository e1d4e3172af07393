"""The supervisor: a process of its own around circus. Orders come on stdin, news go out on stdout.

Why a process of its own: circus reaps with waitpid(-1) and takes over the signal handlers, so inside a test
run or the demo it would swallow the exit status of the host's own children; and pumping log lines is no work
for a loop on which figures are measured. What we gain besides: when whoever started it dies, even by
SIGKILL, stdin ends, and the supervisor ends every process in order. No prctl, no polling of a parent's pid.

Lines are JSON. In: `{"do": "start"|"stop", "name": …, "id": n}`, `{"do": "show"}`. Out: `{"id": n}` when
done, `{"event": "spawned", "name", "pid"}`, `{"event": "exited", "name", "pid", "status"}`.
"""

import asyncio
import json
import logging
import os
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from circus.arbiter import Arbiter
from circus.exc import ConflictError
from circus.watcher import Watcher
from tornado.ioloop import IOLoop

from stack import leftovers
from stack.prefixed import PrefixedLines, Terminal
from stack.program import Charge, Program, Tier

CHECK = 0.2  # seconds between looks for dead processes: how long a death may go unnoticed


def tell(message: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):  # nobody listens any more: stdin has ended too, or is about to
        os.write(sys.stdout.fileno(), json.dumps(message).encode() + b"\n")


def build_watcher(program: Program, number: int, charge: Charge, terminal: Terminal) -> Watcher:
    stream = PrefixedLines(program.name, number, charge.log_folder / f"{program.name}.log", terminal)

    def spawned(*, pid: int, **_: Any) -> bool:
        leftovers.record(charge.folder / leftovers.RECORD, pid)
        tell({"event": "spawned", "name": program.name, "pid": pid})
        return True

    def exited(*, process_pid: int, exit_code: int, **_: Any) -> None:
        tell({"event": "exited", "name": program.name, "pid": process_pid, "status": exit_code})

    return Watcher(
        program.name,
        cmd=shlex.quote(program.command[0]),
        args=list(program.command[1:]),
        env=dict(program.env),
        working_dir=str(charge.folder),
        uid=program.user,
        stop_signal=program.stop_signal,
        graceful_timeout=program.grace,
        autostart=False,
        copy_env=False,
        stdout_stream={"stream": stream},
        stderr_stream={"stream": stream},
        hooks={
            "after_spawn": (spawned, False),
            "before_reap": (_bury, True),
            "after_reap": (exited, True),
        },
    )


def _bury(*, watcher: Watcher, process_pid: int, **_: Any) -> None:
    """End what a dead process left running, read what it left in its pipes, and let go of them.

    A child it left could hold its port against its successor; the group each process leads tells us of it.
    circus closes the pipes without unregistering them; their numbers, used again by the next process, would
    then be refused by the loop ("added twice") and that process run unwatched.
    """
    process, redirector = watcher.processes[process_pid], watcher.stream_redirector
    if redirector is None:  # the watcher is being stopped and has let go already
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process_pid, signal.SIGKILL)
    for name, pipe in redirector.get_process_pipes(process):
        with suppress(OSError, ValueError):
            os.set_blocking(pipe.fileno(), False)
            while data := os.read(pipe.fileno(), 65536):
                watcher.stdout_stream({"data": data, "pid": process_pid, "name": name})
    redirector.remove_redirections(process)


async def in_turn(step: Callable[[], Awaitable[Any]]) -> None:
    """Run a circus operation. circus allows one at a time and refuses others, also while it looks around."""
    while True:
        try:
            await step()
        except ConflictError:
            await asyncio.sleep(CHECK / 10)
        else:
            return


async def obey(arbiter: Arbiter, terminal: Terminal, ended: asyncio.Event) -> None:
    """Do what stdin says until it ends."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with asyncio.TaskGroup() as orders:
        while line := await lines.readline():
            order = json.loads(line)
            if order["do"] == "show":
                terminal.shown = True
            else:
                orders.create_task(_carry_out(arbiter, order))
    ended.set()


async def _carry_out(arbiter: Arbiter, order: dict[str, Any]) -> None:
    watcher = arbiter.get_watcher(order["name"])
    await in_turn(watcher.start if order["do"] == "start" else watcher.stop)
    tell({"id": order["id"]})


async def end_all(arbiter: Arbiter, programs: list[Program]) -> None:
    """End tier after tier, each in parallel and bounded by its programs' grace."""
    for tier in Tier:
        names = {program.name for program in programs if program.tier is tier}
        watchers = [watcher for watcher in arbiter.watchers if watcher.name in names]
        await in_turn(lambda watchers=watchers: arbiter.stop_watchers(lambda **_: watchers))  # type: ignore[misc]
    await in_turn(arbiter.stop)


async def supervise(charge: Charge) -> None:
    terminal = Terminal(width=max(len(program.name) for program in charge.programs), colour=charge.colour)
    watchers = [build_watcher(each, number, charge, terminal) for number, each in enumerate(charge.programs)]
    arbiter = Arbiter(
        watchers, "inproc://orders", "inproc://events", check_delay=CHECK, loop=IOLoop.current()
    )  # inproc: circus insists on its own control sockets, nobody is to reach them
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await arbiter.start()
    listening = asyncio.create_task(obey(arbiter, terminal, ended))
    await ended.wait()
    listening.cancel()
    await end_all(arbiter, list(charge.programs))


def main() -> None:
    charge = Charge.from_json(json.loads(Path(sys.argv[1]).read_text()))
    logging.basicConfig(filename=charge.log_folder / "supervisor.log", level=logging.INFO, force=True)
    logging.getLogger("tornado.application").addFilter(_not_a_conflict)
    asyncio.run(supervise(charge))


def _not_a_conflict(record: logging.LogRecord) -> bool:
    """circus logs a traceback for each look around that an order of ours forbade; see `in_turn`."""
    return not (record.exc_info and isinstance(record.exc_info[1], ConflictError))


if __name__ == "__main__":
    main()
