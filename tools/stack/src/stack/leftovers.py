"""The record of started processes, so that what outlived a killed stack can be ended by the next one.

A process is known by its pid and its start time: a pid alone may since belong to somebody else.
"""

import json
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

RECORD = "pids.jsonl"  # in the state folder
SAME_START = 2.0  # seconds; psutil derives start times from a boot time that clock adjustments shift


def record(path: Path, pid: int) -> None:
    """Append process `pid` to the record at `path`."""
    with suppress(psutil.NoSuchProcess), path.open("a") as file:
        file.write(json.dumps({"pid": pid, "started": psutil.Process(pid).create_time()}) + "\n")


def living(path: Path) -> list[psutil.Process]:
    """The recorded processes that still run, with their descendants."""
    found: dict[int, psutil.Process] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        with suppress(psutil.NoSuchProcess, json.JSONDecodeError, KeyError):  # a torn last line is no process
            entry = json.loads(line)
            process = psutil.Process(entry["pid"])
            if abs(process.create_time() - entry["started"]) < SAME_START and _runs(process):
                found |= {each.pid: each for each in (process, *process.children(recursive=True))}
    return list(found.values())


def end(path: Path, patience: float = 5.0) -> int:
    """End the recorded processes that still run: SIGTERM, after `patience` seconds SIGKILL.

    Blocks. Returns how many there were; the record is empty afterwards.
    """
    processes = living(path)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _gone, stubborn = psutil.wait_procs(processes, timeout=patience)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=patience)
    path.unlink(missing_ok=True)
    return len(processes)


def name_of(pid: int) -> str | None:
    """The name of process `pid`, None if there is none."""
    try:
        return str(psutil.Process(pid).name())
    except psutil.NoSuchProcess:
        return None


def _runs(process: psutil.Process) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
