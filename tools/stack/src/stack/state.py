"""The state folder: everything a stack leaves on disk, and the lock that says a stack is using it."""

import fcntl
import json
import os
import secrets
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.errors import StackError

HANDOVER = 40.0  # seconds the supervisor of a killed stack is given to end its processes


@dataclass(frozen=True)
class State:
    """Paths of one stack. `log` holds one file a process."""

    root: Path

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def pgdata(self) -> Path:
        return self.root / "pgdata"

    @property
    def nats(self) -> Path:
        return self.root / "nats"

    @property
    def apns(self) -> Path:
        return self.root / "apns"

    @property
    def fcm(self) -> Path:
        return self.root / "fcm"

    @property
    def traces(self) -> Path:
        return self.root / "traces"

    def create(self) -> None:
        for folder in (self.root, self.log, self.pgdata, self.nats, self.apns, self.fcm, self.traces):
            folder.mkdir(parents=True, exist_ok=True)

    def secret(self) -> str:
        """The HS256 development secret: made once for a state folder, so that tokens outlive a restart."""
        path = self.root / "jwt.key"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(48))
        return path.read_text()

    def describe(self, description: dict[str, Any]) -> None:
        """Write stack.json, by which tools attach to the running stack. It holds the secret: mode 0600."""
        write_private(self.root / "stack.json", json.dumps(description, indent=2) + "\n")

    def forget(self) -> None:
        (self.root / "stack.json").unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Replace `path` in one step by a file only we can read."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)


@dataclass(frozen=True)
class Lock:
    """Two locks: `front` is ours alone, `supervisor` also the supervisor's, which outlives a killed stack."""

    front: int
    supervisor: int

    def release(self) -> None:
        for descriptor in (self.front, self.supervisor):
            os.close(descriptor)


def lock(root: Path) -> Lock:
    """Take the folder for one stack. Blocks while the supervisor of a killed stack still ends what it ran.

    The kernel drops both locks with their last holder: nothing goes stale. StackError if a stack lives there.
    """
    front = _try_lock(root / "stack.lock", wait=0)
    if front is None:
        raise StackError(f"{root} is in use by a running stack; end it, or choose another state folder")
    supervisor = _try_lock(root / "supervisor.lock", wait=HANDOVER)
    if supervisor is None:
        os.close(front)
        raise StackError(
            f"the supervisor of a killed stack does not end; read {root / 'log' / 'supervisor.log'}"
        )
    return Lock(front, supervisor)


def _try_lock(path: Path, wait: float) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + wait
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        if time.monotonic() >= until:
            os.close(descriptor)
            return None
        time.sleep(0.05)  # flock has no bounded wait
