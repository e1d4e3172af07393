"""Node and npm from their wheel, and what they install."""

import shutil
import subprocess
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.node import NODE, install

CLIENTS = Path(__file__).parents[3] / "tests" / "clients" / "js"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the JavaScript clients' package, with nothing installed."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(CLIENTS / name, tmp_path)
    return tmp_path


def test_what_the_lock_names_is_installed_once(package: Path) -> None:
    """And again when the lock has changed."""
    modules, lock = package / "node_modules", package / "package-lock.json"
    install(package)
    script = "import('socket.io-client').then(({ protocol }) => console.log(protocol))"
    done = subprocess.run([NODE, "-e", script], cwd=package, capture_output=True, text=True, check=True)
    assert done.stdout == "5\n"
    (modules / "seen").touch()
    install(package)
    assert (modules / "seen").exists()
    lock.write_text(lock.read_text() + "\n")
    install(package)
    assert not (modules / "seen").exists()


def test_a_lock_that_does_not_fit_is_an_error_with_npms_words(package: Path) -> None:
    (package / "package.json").write_text('{"dependencies": {"socket.io-client": "1.0.0"}}')
    with pytest.raises(StackError, match="npm ci"):
        install(package)
    assert not (package / "node_modules" / ".installed").exists()


def test_the_lock_names_no_host_and_every_hash() -> None:
    text = (CLIENTS / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert text.count('"integrity"') == text.count('"node_modules/')
