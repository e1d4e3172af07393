"""What a process prints: kept whole in its own file and, on request, shown with its name before each line."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypedDict

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)  # ANSI foregrounds that read on dark and on light


class Chunk(TypedDict):
    """What circus hands to a stream: bytes as read from the pipe, from which process, stdout or stderr."""

    data: bytes
    pid: int
    name: str


@dataclass
class Terminal:
    """The one place where lines of all processes meet. Silent until `shown`."""

    width: int
    colour: bool
    shown: bool = False

    def write(self, name: str, number: int, line: bytes) -> None:
        if not self.shown:
            return
        label = f"{name:<{self.width}} │ "
        if self.colour:
            label = f"\x1b[{COLOURS[number % len(COLOURS)]}m{label}\x1b[0m"
        try:
            sys.stderr.buffer.write(label.encode() + line + b"\n")
            sys.stderr.buffer.flush()
        except OSError:  # the terminal went away; the files still have everything
            self.shown = False


@dataclass
class PrefixedLines:
    """A circus stream: called with each chunk, opened and closed with its watcher."""

    name: str
    number: int
    path: Path
    terminal: Terminal
    _file: BinaryIO | None = None
    _rest: dict[str, bytes] = field(default_factory=dict)  # unfinished line of stdout, of stderr

    def __call__(self, chunk: Chunk) -> None:
        self._opened().write(chunk["data"])
        *lines, rest = (self._rest.get(chunk["name"], b"") + chunk["data"]).split(b"\n")
        self._rest[chunk["name"]] = rest
        for line in lines:
            self.terminal.write(self.name, self.number, line)

    def open(self) -> None:
        self._opened()

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._file = self.path.open("ab", buffering=0)
        return self._file

    def close(self) -> None:
        for rest in filter(None, self._rest.values()):
            self.terminal.write(self.name, self.number, rest)
        self._rest.clear()
        if self._file is not None:
            self._file.close()
            self._file = None
