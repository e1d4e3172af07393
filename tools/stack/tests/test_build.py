"""What a package's `build` makes, and when it is made again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.node import build

BUILD = """  // tells how often it ran
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
appendFileSync("node_modules/ran", "once\\n");
mkdirSync("dist", { recursive: true });
writeFileSync("dist/index.html", readFileSync("src/page.html"));
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """One that needs nothing from any registry."""
    about = {"name": "page", "version": "1.0.0", "type": "module"}
    lock = {**about, "lockfileVersion": 3, "packages": {"": about}}
    (tmp_path / "package.json").write_text(json.dumps({**about, "scripts": {"build": "node build.js"}}))
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    (tmp_path / "build.js").write_text(BUILD)
    (tmp_path / "LICENSE").touch()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "page.html").write_text("first")
    return tmp_path


def times(package: Path) -> int:
    return (package / "node_modules" / "ran").read_text().count("once")


def test_what_is_built_is_built_again_only_when_a_source_is_another(package: Path) -> None:
    page = package / "src" / "page.html"
    build(package)
    os.utime(page)
    build(package)
    assert times(package) == 1
    page.write_text("second")
    build(package)
    assert times(package) == 2
    (package / "LICENSE").rename(package / "LICENCE")
    build(package)
    assert times(package) == 3
    assert (package / "dist" / "index.html").read_text() == "second"


def test_what_is_gone_is_built_again(package: Path) -> None:
    build(package)
    for file in (package / "dist").iterdir():
        file.unlink()
    build(package)
    assert (package / "dist" / "index.html").exists()


def test_a_build_that_fails_is_an_error_with_its_words_and_is_tried_again(package: Path) -> None:
    page = package / "src" / "page.html"
    build(package)
    page.unlink()
    for _ in range(2):
        with pytest.raises(StackError, match=r"(?s)npm run build .* failed: .*ENOENT"):
            build(package)
    page.write_text("second")
    build(package)
    assert (package / "dist" / "index.html").read_text() == "second"


def test_two_who_build_at_the_same_time_build_once(package: Path) -> None:
    command = [sys.executable, "-m", "stack.node", str(package)]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [one.wait(60) for one in both] == [0, 0]
    assert times(package) == 1


def test_the_command_ends_with_npms_words_when_it_fails(package: Path) -> None:
    (package / "build.js").write_text("throw new Error('no such page')")
    command = [sys.executable, "-m", "stack.node", str(package)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no such page" in done.stderr
    assert "Traceback" not in done.stderr
