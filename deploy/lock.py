"""`just lock`: resolve afresh, and write every pin of the house.

The pins are `[tool.uv] constraint-dependencies` of the root pyproject.toml (all third-party packages of all
members and groups), services/<svc>/requirements.lock (what that service's image installs, with hashes) and
clients/console/requirements.lock (what the console's image is built with; npm has a lock of its own).
uv.lock stays out of git, for it names the registry that resolved it; no file written here may name one.

Resolves in a copy of the pyproject.toml files, and writes only when all of it went well.
"""

import subprocess
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import tomlkit

ROOT = Path(__file__).resolve().parents[1]
PROJECT = "pyproject.toml"
CONSOLE = ROOT / "clients" / "console" / "requirements.lock"
HEADER = "# Written by `just lock`: what the image of {image} installs, besides the house's own packages.\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_projects(copy)
        uv(copy, "lock")
        pins = pins_of(tomllib.loads((copy / "uv.lock").read_text()))
        files = {
            path: requirements(copy, path.parent.name, "--package", path.parent.name)
            for path in requirement_locks()
        }
        files[CONSOLE] = requirements(copy, "console", "--only-group", "console")
    files[ROOT / PROJECT] = with_pins((ROOT / PROJECT).read_text(), pins)
    for path, text in files.items():
        refuse_addresses(path, text if path.name != PROJECT else "\n".join(pins))
    for path, text in files.items():
        path.write_text(text)
        print(path.relative_to(ROOT))
    print(f"{len(pins)} pins")


def copy_projects(to: Path) -> None:
    """The pyproject.toml of root and members; the root's without its pins, so that nothing holds back."""
    root = (ROOT / PROJECT).read_text()
    (to / PROJECT).write_text(with_pins(root, []))
    for pattern in tomllib.loads(root)["tool"]["uv"]["workspace"]["members"]:
        for project in ROOT.glob(f"{pattern}/{PROJECT}"):
            target = to / project.relative_to(ROOT)
            target.parent.mkdir(parents=True)
            target.write_bytes(project.read_bytes())


def requirement_locks() -> list[Path]:
    return [project.with_name("requirements.lock") for project in sorted(ROOT.glob(f"services/*/{PROJECT}"))]


def pins_of(lock: dict[str, Any]) -> list[str]:
    """`name==version` of each third-party package, sorted.

    A package that resolved to several versions has a marker on each: the environments it is for.
    """
    pins = []
    for package in lock["package"]:
        if "registry" in package["source"]:
            pin = f"{package['name']}=={package['version']}"
            where = " or ".join(f"({marker})" for marker in package.get("resolution-markers", []))
            pins.append(f"{pin} ; {where}" if where else pin)
    return sorted(pins)


def requirements(copy: Path, image: str, *which: str) -> str:
    """`which`: options of `uv export` that say whose packages."""
    return HEADER.format(image=image) + uv(
        copy,
        *("export", "--frozen", *which, "--no-dev", "--no-emit-workspace"),
        *("--format", "requirements-txt", "--no-header"),
    )


def with_pins(project: str, pins: list[str]) -> str:
    """The root's pyproject.toml with these pins, and nothing else changed."""
    document = tomlkit.parse(project)
    array = tomlkit.array()
    array.extend(pins)
    document["tool"]["uv"]["constraint-dependencies"] = array.multiline(bool(pins))
    return tomlkit.dumps(document)


def refuse_addresses(path: Path, text: str) -> None:
    for line in text.splitlines():
        if "://" in line or "index-url" in line:
            raise SystemExit(f"{path.relative_to(ROOT)} would name a host: {line.strip()}")


def uv(where: Path, *arguments: str) -> str:
    done = subprocess.run(["uv", *arguments], cwd=where, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603, S607
    return done.stdout


if __name__ == "__main__":
    main()
