"""`just audit`: may everything in the images be shipped with software under Apache-2.0?

What the packages of */*/requirements.lock state, pip-licenses reads from the environment that runs this;
what npm's packages state is in */*/package-lock.json. deploy/audit.toml says what is allowed. What states
nothing, or is not there to be read, is refused too. Of npm's packages the tools count as well: which of them
the bundler takes along, no lock says.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
IMAGE = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.13.0",
    "python_version": "3.13",
    "sys_platform": "linux",
}
"""What markers are to be true of, wherever this runs."""

Pin = tuple[str, str]
"""Name as in locks, version."""

Statements = dict[Pin, str]
"""What a package says of its licence: an SPDX expression, or classifiers with `; ` between."""


def main(root: Path = ROOT) -> int:
    rules = tomllib.loads((root / "deploy/audit.toml").read_text())["licences"]
    stated = of_python([path.read_text() for path in root.glob("*/*/requirements.lock")])
    for path in root.glob("*/*/package-lock.json"):
        stated |= of_npm(json.loads(path.read_text()))
    refused = refusals(stated, rules)
    for line in refused:
        print(f"ERROR: {line}", file=sys.stderr)
    print(f"licences: {len(refused)} refused in {len(stated)} packages")
    return 1 if refused else 0


def of_python(locks: list[str]) -> Statements:
    lines = re.findall(r"^[\w.-]+==[^\\\n]+", "\n".join(locks), flags=re.MULTILINE)
    wanted = [one for one in map(Requirement, lines) if one.marker is None or one.marker.evaluate(IMAGE)]
    pins = {(one.name, str(one.specifier).removeprefix("==")) for one in wanted}
    command = [
        sys.executable,
        "-m",
        "piplicenses",
        "--format=json",
        "--packages",
        *(one.name for one in wanted),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    read: Statements = {
        (canonicalize_name(one["Name"]), one["Version"]): one["License"] for one in json.loads(done.stdout)
    }
    return {pin: read.get(pin, "unread, as it is not installed here") for pin in pins}


def of_npm(lock: dict[str, Any]) -> Statements:
    return {
        (place.rpartition("node_modules/")[2], one["version"]): str(one.get("license", "UNKNOWN"))
        for place, one in lock["packages"].items()
        if place
    }


def refusals(stated: Statements, rules: dict[str, Any]) -> list[str]:
    """One line each; `rules` is `[licences]` of deploy/audit.toml."""
    allowed, found = set(rules["allowed"]), rules["found"]
    odd = {pin: text for pin, text in stated.items() if not set(text.split("; ")) <= allowed}
    return [
        f"{name} {version}: its licence is not allowed: {text.strip().splitlines()[0]}"
        for (name, version), text in sorted(odd.items())
        if name not in found
    ] + [
        f"deploy/audit.toml: {name} states an allowed licence by now, or is in no image"
        for name in sorted(found.keys() - {name for name, _ in odd})
    ]


if __name__ == "__main__":
    sys.exit(main())
