import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

UP = Path(__file__).parent / "up.py"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not tmp_path: each new pytest session closes that to other users, and as root PostgreSQL is one."""
    with tempfile.TemporaryDirectory(prefix="waggle-up-") as path:
        yield Path(path)


@contextmanager
def stack_up(state: Path, mode: str = "") -> Iterator[subprocess.Popen[str]]:
    """A stack in a process of its own, up; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, str(UP), str(state), mode], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        while "Ctrl-C" not in (line := process.stdout.readline()):
            assert line or process.poll() is None, process.communicate()[1]
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def everything(process: subprocess.Popen[str]) -> list[psutil.Process]:
    family = psutil.Process(process.pid).children(recursive=True)
    names = {child.name() for child in family}
    assert {"nats-server", "postgres", "caddy"} <= names
    return list(family)


def described(state: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((state / "stack.json").read_text())
    return found


@pytest.mark.parametrize(("number", "mode"), [(signal.SIGTERM, "hang"), (signal.SIGINT, "")])
def test_signal_ends_every_process_even_one_that_hangs(folder: Path, number: int, mode: str) -> None:
    """Issue 2 item 8: everything it started ends with it, also on Ctrl-C or SIGTERM."""
    with stack_up(folder, mode) as stack:
        family = everything(stack)
        stack.send_signal(number)
        _out, log = stack.communicate(timeout=30)
        assert stack.returncode == 0
        assert [each for each in family if each.is_running()] == []
    assert not (folder / "stack.json").exists()
    assert "booking  │ first words" not in log  # the start is told in steps, the lines come after it
    assert re.search(r"^postgres │ .*database system is shut down", log, re.MULTILINE)
    assert "\x1b" not in log  # colour is for terminals


def test_signal_during_the_start_ends_what_was_started(folder: Path) -> None:
    """Issue 2 item 8: everything it started ends with it."""
    command = [sys.executable, str(UP), str(folder), "mute"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as stack:
        try:
            assert stack.stderr is not None
            while "streams and tables" not in (line := stack.stderr.readline()):
                assert line, "ended before the services were started"
            family = psutil.Process(stack.pid).children(recursive=True)
            stack.terminate()
            assert stack.wait(timeout=30) == 0
        finally:
            stack.kill()
    assert len(family) > 3  # supervisor, nats, postgres and its own
    assert [each for each in family if each.is_running()] == []


def test_killed_stack_takes_everything_with_it_and_starts_again_on_its_data(folder: Path) -> None:
    """Issue 2 item 8, and DESIGN 5.1: the state survives the death of the stack."""
    with stack_up(folder) as stack:
        family, first = everything(stack), described(folder)
        stack.kill()
        stack.wait()
    _gone, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    with stack_up(folder) as stack:
        second = described(folder)
        assert second["jwt_key"] == first["jwt_key"]
        assert httpx.get(f"{second['url']}/v1/bookings").status_code == 200
        stack.terminate()
        stack.wait(30)


def test_orphans_of_a_killed_supervisor_are_ended_by_the_next_start(folder: Path) -> None:
    with stack_up(folder) as stack:
        family = everything(stack)
        supervisor = next(each for each in family if "stack.supervisor" in each.cmdline())
        os.kill(stack.pid, signal.SIGSTOP)  # so that it cannot clean up itself
        supervisor.kill()
        stack.kill()
        stack.wait()
    orphans = [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    assert {each.name() for each in orphans} >= {"nats-server", "postgres", "caddy"}
    with stack_up(folder) as stack:
        assert [each for each in orphans if each.is_running()] == []
        stack.terminate()
        stack.wait(30)


def test_dead_supervisor_ends_the_stack_with_an_error(folder: Path) -> None:
    with stack_up(folder) as stack:
        family = everything(stack)
        next(each for each in family if "stack.supervisor" in each.cmdline()).kill()
        _out, errors = stack.communicate(timeout=30)
        assert stack.returncode == 1
        assert "the supervisor has ended" in errors
        assert [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE] == []
