"""The load: a C program (`load/*.c`), compiled when it is needed, on a core of its own."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.edge import forms
from bench.harness import pinned

SOURCES = Path(__file__).parent / "load"


class Load:
    """Sockets and a bus connection that do as they are told. Its words are those of `load/commands.c`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def do(self, *words: object) -> dict[str, Any]:
        """One command; what it found. RuntimeError if it gave up."""
        asked, told = self._process.stdin, self._process.stdout
        if asked is None or told is None:
            raise RuntimeError("the load has no pipes")
        try:
            print(*words, file=asked, flush=True)
            line = told.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"the load gave up at {' '.join(map(str, words))}")
        found: dict[str, Any] = json.loads(line)
        return found


def compiler() -> str | None:
    """Of C, if there is one. A load in Python would be slower than what it is to load."""
    return shutil.which("cc")


def prepare(folder: Path, tokens: Sequence[str]) -> None:
    """Compile the load into `folder`, with what it says and the token of each of its sockets."""
    cc = compiler()
    if cc is None:
        raise RuntimeError("this bench needs a C compiler (cc) for its load")
    sources = map(str, sorted(SOURCES.glob("*.c")))
    subprocess.run([cc, "-O2", "-o", str(folder / "load"), *sources], check=True)
    forms.write(folder)
    (folder / "tokens").write_text("".join(f"{token}\n" for token in tokens))


@contextmanager
def loading(folder: Path, core: int, server_port: int, bus_port: int, online: int) -> Iterator[Load]:
    """What `prepare` made, running. The drivers below `online` are online."""
    words = [str(folder / "load"), str(server_port), str(bus_port), "tokens", str(online)]
    with pinned(core):
        process = subprocess.Popen(
            words, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    try:
        yield Load(process)
    finally:
        process.kill()
        process.communicate()
