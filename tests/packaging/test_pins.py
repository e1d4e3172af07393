"""Every version is pinned, and no pin says where it came from. `just lock` writes all that is tested here."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("booking", "matching", "realtime", "push")
EXPORT = ("uv", "export", "--quiet", "--no-emit-workspace", "--no-hashes", "--no-annotate", "--no-header")

Pins = set[tuple[str, str]]


def constraints() -> list[str]:
    root = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found: list[str] = root["tool"]["uv"]["constraint-dependencies"]
    return found


def pins(lines: list[str]) -> Pins:
    """(name, version) of each line that is `name==version`, with or without a marker."""
    return {
        (found[1], found[2]) for line in lines if (found := re.match(r"([a-z0-9.-]+)==([^\s;\\]+)", line))
    }


def exported(*arguments: str) -> Pins:
    done = subprocess.run([*EXPORT, *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return pins(done.stdout.splitlines())


@pytest.fixture(params=[*SERVICES, "console"])
def lock(request: pytest.FixtureRequest) -> tuple[str, str]:
    """(service or the web console, its requirements.lock)."""
    (path,) = ROOT.glob(f"*/{request.param}/requirements.lock")
    return request.param, path.read_text()


def test_every_package_of_the_workspace_is_pinned_to_one_version() -> None:
    assert all(re.fullmatch(r"[a-z0-9.-]+==\S+( ; .+)?", one) for one in constraints())
    assert exported("--all-packages", "--all-groups", "--all-extras") == pins(constraints()), (
        "run `just lock`"
    )


def test_what_an_image_installs_is_what_its_service_needs(lock: tuple[str, str]) -> None:
    name, text = lock
    which = ("--package", name, "--no-dev") if name in SERVICES else ("--only-group", name)
    assert pins(text.splitlines()) == exported(*which), "run `just lock`"


def test_what_an_image_installs_is_what_the_workspace_runs_on(lock: tuple[str, str]) -> None:
    assert pins(lock[1].splitlines()) <= pins(constraints()), "run `just lock`"


def test_every_package_of_an_image_has_its_hashes(lock: tuple[str, str]) -> None:
    packages = re.split(r"^(?=\S+==)", lock[1], flags=re.MULTILINE)[1:]
    assert len(packages) > (20 if lock[0] in SERVICES else 1)
    for package in packages:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", package), package.splitlines()[0]


def test_no_pin_names_a_host(lock: tuple[str, str]) -> None:
    for line in [*lock[1].splitlines(), *constraints()]:
        assert "://" not in line
        assert "index-url" not in line


def test_the_lock_that_names_its_registry_stays_out_of_the_repository() -> None:
    assert "uv.lock" in (ROOT / ".gitignore").read_text().split()
