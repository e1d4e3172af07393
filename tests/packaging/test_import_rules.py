"""Each import rule of pyproject.toml fails when it is broken."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    "libs/contracts",
    "libs/sio",
    "libs/wire",
    *(f"services/{one}" for one in ("booking", "matching", "realtime", "push")),
]

BREAKAGES = [
    ("wire.publish", "booking.domain", "Services stand on wire"),
    ("booking.outgoing", "matching.states", "Services stand on wire"),
    ("contracts.events", "wire.envelope", "Services stand on wire"),
    ("sio.packets", "contracts.models", "sio stands alone"),
    ("sio.server", "picows", "sio: what decides"),
    ("booking.store", "booking.usecases", "booking: main"),
    ("booking.usecases", "booking.http", "booking: main"),
    ("matching.domain", "matching.store", "matching: main"),
    ("matching.usecases", "matching.bus", "matching: main"),
    ("push.domain", "push.usecases", "push: main"),
    ("push.sender", "push.apns", "push: main"),
    ("push.sender", "push.fcm", "push: main"),
    ("realtime.engine", "realtime.edge", "realtime: the engine"),
    ("realtime.outgoing", "nats.aio.client", "realtime's table"),
    ("booking.domain", "sqlmodel", "What decides is pure"),
    ("matching.policies.choose", "contracts.models", "What decides is pure"),
    ("contracts.models", "nats.aio.client", "Contracts know nothing"),
]


def lint(tree: Path) -> str:
    linter = Path(sys.executable).parent / "lint-imports"
    env = os.environ | {"PYTHONPATH": os.pathsep.join(str(tree / one / "src") for one in SOURCES)}
    command = [str(linter), "--no-cache", "--config", str(tree / "pyproject.toml")]
    return subprocess.run(command, env=env, cwd=tree, capture_output=True, text=True, check=False).stdout


def copy_of_the_house(into: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", into)
    for one in SOURCES:
        shutil.copytree(ROOT / one / "src", into / one / "src")
    return into


def file_of(tree: Path, module: str) -> Path:
    [path] = tree.glob(f"*/*/src/{module.replace('.', '/')}.py")
    return path


def test_the_house_keeps_every_rule(tmp_path):
    report = lint(copy_of_the_house(tmp_path))
    assert "0 broken" in report, report


@pytest.mark.parametrize(("importer", "imported", "rule"), BREAKAGES)
def test_a_broken_rule_is_found(tmp_path, importer, imported, rule):
    tree = copy_of_the_house(tmp_path)
    with file_of(tree, importer).open("a") as file:
        file.write(f"\nimport {imported}\n")
    broken = [line for line in lint(tree).splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(rule) for line in broken), broken
