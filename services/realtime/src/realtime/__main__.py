"""`python -m realtime [--workers N]`"""

import argparse
import asyncio
import gc
import sys
from typing import Any

from realtime import workers
from realtime.main import main
from realtime.settings import Settings
from wire.run import run
from wire.telemetry import set_up


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m realtime", description="The Socket.IO edge.")
    parser.add_argument("--workers", type=int, help="processes that share the port; else WAGGLE_WORKERS")
    parser.add_argument("--as-worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _keep_workers(settings: Settings) -> int:
    set_up("realtime", settings)
    command = [sys.executable, "-m", "realtime", "--workers", str(settings.workers), "--as-worker"]
    # A worker ends itself within twice `drain_seconds`.
    return asyncio.run(workers.keep_running(settings.workers, command, 2 * settings.drain_seconds + 5))


def _serve(settings: Settings) -> None:
    # What is there now stays; and thousands of sockets are no reason to look at all of them again and again.
    gc.freeze()
    gc.set_threshold(50_000, 20, 1000)
    run(lambda: main(settings), drain_seconds=settings.drain_seconds)


if __name__ == "__main__":
    given = _arguments()
    chosen: dict[str, Any] = {} if given.workers is None else {"workers": given.workers}
    settings = Settings(**chosen)
    if given.as_worker:
        workers.end_with_parent()
    elif settings.workers > 1:
        sys.exit(_keep_workers(settings))
    _serve(settings)
