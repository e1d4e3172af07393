"""A stand-in as a process of its own, until SIGTERM or SIGINT."""

import argparse
import asyncio
import json
import signal
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from standins.running import RunningStandin

Opening = AbstractAsyncContextManager[RunningStandin[Any, Any]]


def arguments(prog: str, description: str) -> argparse.ArgumentParser:
    """The options that every stand-in has."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("--host", default="127.0.0.1", help="where senders connect (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="HTTP/2 over TLS; 0 picks a free one")
    parser.add_argument("--control-port", type=int, default=0, help="control plane; 0 picks a free one")
    parser.add_argument("--state", type=Path, required=True, help="folder of keys, ca.pem, ports.json")
    parser.add_argument("--verbose", action="store_true", help="print a line for each push")
    return parser


def run(name: str, state: Path, opening: Opening) -> None:
    """Exit status 0 when told to stop, 1 with one line on stderr if it cannot start."""
    ports_file = state / "ports.json"
    # Whoever waits for this file waits for this run, not for the one before.
    ports_file.unlink(missing_ok=True)
    try:
        asyncio.run(_serve(name, ports_file, opening))
    except (OSError, ValueError) as error:
        sys.exit(f"{name}: cannot start: {error}")
    finally:
        ports_file.unlink(missing_ok=True)


async def _serve(name: str, ports_file: Path, opening: Opening) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with opening as standin:
        _write_ports(ports_file, standin)
        print(f"{name}  ready on {standin.url}, control {standin.control_url}", flush=True)
        await stop.wait()


def _write_ports(path: Path, standin: RunningStandin[Any, Any]) -> None:
    """Written whole, once both ports listen: its appearance means ready."""
    ports = {"host": standin.host, "port": standin.port, "control_port": standin.control_port}
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(ports))
    draft.replace(path)


def print_push(service: str, token: str, outcome: str, *shown: str | None) -> None:
    """`apns  3f9ac01b…  200  New Job Nearby: 12 Main St - $45`; of a refused or cut one, why."""
    line = f"{service}  {token[:8]}…  {outcome}  {': '.join(part for part in shown if part)}"
    # Titles are written by strangers: nothing of them may steer a terminal.
    print("".join(c if c.isprintable() else " " for c in line).rstrip(), flush=True)
