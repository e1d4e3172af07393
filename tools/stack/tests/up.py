"""`python -m stack up` with stand-ins for the services: a process for the tests to end and to kill."""

import asyncio
import sys
from pathlib import Path

from rich.console import Console

from stack.cli import serve
from stack.plan import Commands
from stack.running import running

console = Console(stderr=True)
house = running(
    Path(sys.argv[1]),
    services=("booking",),
    apns=False,
    durable=False,
    grace=1.0,
    env={"WAGGLE_STANDIN": sys.argv[2]} if len(sys.argv) > 2 else None,
    log_to_terminal=True,
    console=console,
    commands=Commands(
        service=lambda _service: [sys.executable, str(Path(__file__).parent / "standin.py")],
        migrate=lambda _service: ["true"],
        streams=["true"],
    ),
)
sys.exit(asyncio.run(serve(house, console)))
