from pathlib import Path

import pytest

from stack.prefixed import Chunk, PrefixedLines, Terminal


def said(data: bytes, name: str = "stdout") -> Chunk:
    return {"data": data, "pid": 1, "name": name}


def feed(stream: PrefixedLines) -> None:
    for chunk in (said(b"one\ntw"), said(b"warning\n", "stderr"), said(b"o\nunfin"), said(b"ished")):
        stream(chunk)
    stream.close()


def test_lines_are_whole_and_named_however_they_were_cut(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Issue 2 item 8: logs prefixed."""
    feed(PrefixedLines("push", 0, tmp_path / "push.log", Terminal(width=7, colour=False, shown=True)))
    shown = capsysbinary.readouterr().err.decode().splitlines()
    assert shown == ["push    │ one", "push    │ warning", "push    │ two", "push    │ unfinished"]
    assert (tmp_path / "push.log").read_bytes() == b"one\ntwwarning\no\nunfinished"


def test_each_process_has_its_own_colour(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Issue 2 item 8: logs coloured."""
    terminal = Terminal(width=7, colour=True, shown=True)
    for number, name in enumerate(("booking", "push")):
        PrefixedLines(name, number, tmp_path / name, terminal)(said(b"hello\n"))
    first, second = capsysbinary.readouterr().err.decode().splitlines()
    assert first == "\x1b[36mbooking │ \x1b[0mhello"
    assert second == "\x1b[33mpush    │ \x1b[0mhello"


def test_hidden_terminal_leaves_the_file_complete(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    feed(PrefixedLines("push", 0, tmp_path / "push.log", Terminal(width=7, colour=False)))
    assert capsysbinary.readouterr().err == b""
    assert (tmp_path / "push.log").read_bytes().startswith(b"one\ntw")
