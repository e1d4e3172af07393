"""The commands of the documents, as they are written there.

`<!-- run by tests/some/test_file.py::name -->` above a block says who runs it and the blocks after it, up to
the next such line; `<!-- run by nobody -->` ends that. Whoever runs them asks for them by the same words
(`commands`), so whatever a document has there is run. test_inventory.py sees to the rest.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = {"node_modules", "var", "dist"}
"""Folders whose documents are not ours; so are those whose names begin with a dot."""
COMMANDS = {"sh", "sql"}
"""Languages of blocks that are run. Those for the apps' authors are run by tests/clients."""

_MARK = re.compile(r"<!-- run by (\S+) -->")
_FENCE = re.compile(r" *```(\w*)$")


@dataclass(frozen=True)
class Block:
    """A fenced block. `run_by` is "" if nobody is named."""

    document: str
    line: int
    language: str
    text: str
    run_by: str

    @property
    def lines(self) -> list[str]:
        """Its commands; one that goes on over several lines is one."""
        return [line for line in self.text.replace("\\\n", " ").splitlines() if line.strip()]


@cache
def documents() -> dict[str, str]:
    """Path from the root → text, of every document. The CHANGELOG tells of the past."""
    found = {}
    for path in sorted(ROOT.rglob("*.md")):
        parts = path.relative_to(ROOT).parts
        if not any(part in ELSEWHERE or part.startswith(".") for part in parts) and parts != (
            "CHANGELOG.md",
        ):
            found["/".join(parts)] = path.read_text()
    return found


def blocks(document: str) -> Iterator[Block]:
    """Every fenced block, in order."""
    run_by, language, opened, inside = "", "", 0, list[str]()
    for number, line in enumerate(documents()[document].splitlines(), 1):
        fence = _FENCE.match(line)
        if opened and fence:
            who = run_by if language in COMMANDS else ""
            yield Block(document, opened, language, textwrap.dedent("".join(inside)), who)
            opened, inside = 0, []
        elif opened:
            inside.append(line + "\n")
        elif fence:
            language, opened = fence[1], number
        elif mark := _MARK.search(line):
            run_by = "" if mark[1] == "nobody" else mark[1]


def commands(run_by: str, **filled: str) -> list[str]:
    """The blocks that this test runs, of all documents, each `<word>` filled in. LookupError for none."""
    found = [block.text for document in documents() for block in blocks(document) if block.run_by == run_by]
    if not found:
        raise LookupError(f"no document says that it is run by {run_by}")
    return [fill(text, filled) for text in found]


def fill(text: str, filled: dict[str, str]) -> str:
    """With a value for each `<word>`. LookupError for one that has none."""
    for word, value in filled.items():
        text = text.replace(f"<{word}>", value)
    if left := re.search(r"<[a-z]+>", text):
        raise LookupError(f"{left[0]} in {text!r}")
    return text


def sentences(document: str) -> Iterator[str]:
    """What is `in backquotes` outside of fenced blocks."""
    text = re.sub(r"^ *```\w*\n.*?^ *```$", "", documents()[document], flags=re.DOTALL | re.MULTILINE)
    for paragraph in re.split(r"\n\s*\n|\n(?=\|)", text):
        for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", paragraph):
            yield " ".join(span.split())


def indented(document: str) -> Iterator[str]:
    """Lines that an indentation of four makes a block, outside of fenced ones."""
    text = re.sub(r"^ *```\w*\n.*?^ *```$", "", documents()[document], flags=re.DOTALL | re.MULTILINE)
    for line in text.splitlines():
        if line.startswith("    "):
            yield line.strip()
