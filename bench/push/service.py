"""The push service as a process on one core, with the sink in Apple's place."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil  # type: ignore[import-untyped]

from bench.edge.servers import START_S, wait_for
from bench.harness import pinned
from bench.push.world import SENDER_CORE, World
from stack.plan import inherited
from stack.ports import HOST


@contextmanager
def service(world: World, database_url: str) -> Iterator[psutil.Process]:
    """`python -m push`, ready, with the settings of a deployment; ended properly on leaving."""
    target, url = world.target, f"http://{HOST}:{world.http_port}/readyz"
    changes = {
        "DATABASE_URL": database_url,
        "HTTP_PORT": str(world.http_port),
        "APNS_PORT": str(target.port),
        "APNS_CA_FILE": str(target.certificates.ca_file),
        "APNS_KEY_FILE": str(target.key_file),
        "LOG_LEVEL": "warning",
    }
    env = world.house.env_for("push") | {f"WAGGLE_{name}": value for name, value in changes.items()}
    with pinned(SENDER_CORE):
        process = subprocess.Popen(
            [sys.executable, "-m", "push"], env={**inherited(), **env}, stdout=subprocess.DEVNULL
        )
    try:
        wait_for(url, process)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
