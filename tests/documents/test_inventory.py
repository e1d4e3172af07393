"""Every command in a document is run by a test, or stands here with the reason why it is not."""

from collections.abc import Iterator

import pytest

from .written import COMMANDS, ROOT, Block, blocks, documents, indented, sentences

PROGRAMS = {
    *("kubectl", "helm", "docker", "just", "uv", "python", "pip", "npm", "npx", "node", "nats", "promtool"),
    *("psql", "pg_dump", "pg_restore", "curl", "jq", "git", "openssl", "CREATE"),
}

BLOCKS_NOT_RUN = {
    "pip install uv && uv run just demo": ".ci/run installs uv; tests/faults runs the demo, with an end",
    "pip install uv": ".ci/run does it on a bare machine",
    "uv run just test": "is what runs this",
    "uv run just check": ".ci/run does",
    "uv run just demo ": "tests/faults runs it, with an end",
    "uv run just bench": "takes minutes, and packages from PyPI and npm",
}
"""The beginning of a command in a block → why no test runs it."""

RUN_BY = {
    "kubectl ": "tests/documents/test_sentences.py",
    "just ": "tests/documents/test_sentences.py",
    "uv run just ": "tests/documents/test_sentences.py",
    "python -m booking.replay": "tests/documents/test_restore.py",
    "npm ci": "tools/stack (node.py), before the console is built",
    "npm run check": "`just check`",
}
"""The beginning of a command in a sentence → who runs it."""
SENTENCES_NOT_RUN = {
    "npm run dev": "a server for development; the page it shows is built and shown by tests/console",
    "nats ": "the bus's command-line tool comes neither as a wheel nor from Debian",
    "python -m realtime": "runs until it is ended; services/realtime/tests start it so",
    "python -m push": "runs until it is ended; bench/push starts it so",
    "python -m contracts.nats_conf": "`just check` runs it",
    "CREATE INDEX": "an example of SQL, not a command",
}
"""The same of those that nobody runs → why."""


def unmarked() -> Iterator[tuple[Block, str]]:
    """Every command of a block that names nobody."""
    for document in documents():
        for block in blocks(document):
            if block.language in COMMANDS and not block.run_by:
                yield from ((block, line) for line in block.lines)


def spoken() -> Iterator[tuple[str, str]]:
    """(document, command) of every command in a sentence."""
    for document in documents():
        for span in sentences(document):
            if span.split()[0] in PROGRAMS and " " in span:
                yield document, span


def reason(command: str, table: dict[str, str]) -> str | None:
    return next((why for beginning, why in table.items() if f"{command} ".startswith(beginning)), None)


def test_every_command_of_a_block_is_run_or_has_a_reason() -> None:
    left = [
        (block.document, block.line, line) for block, line in unmarked() if not reason(line, BLOCKS_NOT_RUN)
    ]
    assert left == []


def test_every_command_in_a_sentence_is_run_or_has_a_reason() -> None:
    left = [one for one in spoken() if not reason(one[1], RUN_BY | SENTENCES_NOT_RUN)]
    assert left == []


def test_no_reason_is_left_over() -> None:
    lines, spans = [line for _, line in unmarked()], [span for _, span in spoken()]
    for table, there in ((BLOCKS_NOT_RUN, lines), (RUN_BY | SENTENCES_NOT_RUN, spans)):
        for beginning in table:
            assert any(f"{one} ".startswith(beginning) for one in there), beginning


@pytest.mark.parametrize("document", sorted(documents()))
def test_commands_are_in_blocks_that_say_so(document: str) -> None:
    """```sh: not indented, nor in a block of another language."""
    others = [block for block in blocks(document) if block.language not in COMMANDS]
    hidden = [*indented(document), *(line for block in others for line in block.lines)]
    assert [line for line in hidden if line.split()[0] in PROGRAMS] == []


def test_who_is_said_to_run_a_block_asks_for_it() -> None:
    for document in documents():
        for block in blocks(document):
            if block.run_by:
                file = ROOT / block.run_by.partition("::")[0]
                assert file.exists(), (document, block.line)
                assert f'"{block.run_by}"' in file.read_text(), (document, block.line)
