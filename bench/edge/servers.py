"""The servers that are measured: each a process on one core, told by the same environment."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import httpx
import psutil  # type: ignore[import-untyped]

from bench.harness import pinned
from bench.peers import node_edge
from stack.plan import inherited
from stack.ports import HOST

Name = Literal["ours", "stock", "node"]
START_S = 60.0
COLLECT_S = 1.0
NO_LIMITS = {"WAGGLE_MAX_SOCKETS": "100000", "WAGGLE_MAX_SOCKETS_PER_ADDRESS": "100000"}
"""The load comes from one address."""


@dataclass(frozen=True)
class Server:
    """A running one."""

    name: Name
    port: int
    process: psutil.Process

    def cpu_s(self) -> float:
        """Seconds of its core that it has used."""
        used = self.process.cpu_times()
        return float(used.user + used.system)

    def memory(self) -> float:
        """Bytes that are its own, with its part of what it shares (PSS). Node collects its garbage first."""
        if self.name == "node":
            self.process.send_signal(signal.SIGUSR2)
        time.sleep(COLLECT_S)
        return float(self.process.memory_full_info().pss)


def command(name: Name) -> Sequence[str] | None:
    """None: it cannot be run here."""
    return node_edge.command() if name == "node" else [sys.executable, "-m", "realtime"]


@contextmanager
def serving(
    name: Name, words: Sequence[str], env: Mapping[str, str], port: int, core: int
) -> Iterator[Server]:
    """One of them on `port`; ready, and ended properly on leaving."""
    engine = {"WAGGLE_ENGINE": "socketio" if name == "stock" else "fast", "WAGGLE_HTTP_PORT": str(port)}
    told = {**inherited(), **env, **NO_LIMITS, **engine, "WAGGLE_LOG_LEVEL": "warning"}
    with pinned(core):
        process = subprocess.Popen(words, env=told, stdout=subprocess.DEVNULL)
    try:
        wait_for(f"http://{HOST}:{port}/readyz", process)
        yield Server(name, port, psutil.Process(process.pid))
    finally:
        process.terminate()
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Until it answers. RuntimeError when it ended, or did not in a minute."""
    give_up = time.monotonic() + START_S
    while True:
        try:
            if httpx.get(url, trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        if process.poll() is not None or time.monotonic() > give_up:
            raise RuntimeError(f"{process.args!r} did not start")
        time.sleep(0.05)
