"""The edge on Node's socket.io (`node/server.js`): what runs it, and its packages."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from stack.errors import StackError
from stack.node import NODE, install

FOLDER = Path(__file__).parent / "node"


def command() -> Sequence[str] | None:
    """How it is started, its packages installed. None where there is no way to the packages."""
    try:
        install(FOLDER)
    except StackError:
        return None
    return [str(NODE), "--expose-gc", str(FOLDER / "server.js")]


def version() -> str:
    """`socket.io 4, Node 24.1.0`."""
    said = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True)
    return f"socket.io 4, Node {said.stdout.strip()[1:]}"
