"""`just audit`: is any package of the images known to be vulnerable?

pip-audit asks PyPI's database about each pin of */*/requirements.lock, npm its registry about those of
*/*/package-lock.json. What they find ends this with status 1, unless deploy/audit.toml accepts it. Where a
database is not to be had (no network, a mirror that carries only packages), nothing is known, and that is
said: a warning, or status 1 where WAGGLE_AUDIT_REQUIRED is set.

Arguments go to pip-audit: `just audit -s osv` asks another database.
"""

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from stack.node import NODE, NPM

ROOT = Path(__file__).resolve().parents[1]
LONGEST_S = 60
OPTIONS = (
    "--progress-spinner",
    "off",
    "--timeout",
    "5",
    "--disable-pip",
    "--format",
    "json",
    "--desc",
    "off",
)

CANARY = "jinja2==2.10"
"""It has a handful (CVE-2019-10906 is one). pip-audit takes an answer without vulnerabilities for good news,
and a 404 for a package to pass over, so where a mirror answers it says that all is well."""

UNANSWERED = ("requests.exceptions.", "ServiceError", "your network may be blocking")
"""How pip-audit ends when its database does not answer. Any other end is a mistake of ours."""


NPM_OPTIONS = ("--json", "--package-lock-only", "--fetch-retries=0", "--fetch-timeout=5000")
NPM_CANARY = "minimist", "0.0.8"
"""Likewise (GHSA-vh95-rmgr-6w4m is one)."""


class Unanswered(Exception):  # noqa: N818
    """The database did not answer; the message says how."""


class Findings(NamedTuple):
    """What was found in how many packages, and what of them was not looked at: one line each."""

    audited: int
    vulnerable: list[str]
    skipped: list[str]

    def and_(self, other: "Findings") -> "Findings":
        audited = self.audited + other.audited
        return Findings(audited, self.vulnerable + other.vulnerable, self.skipped + other.skipped)


def main(arguments: list[str], root: Path = ROOT, today: dt.date | None = None) -> int:
    accepted = tomllib.loads((root / "deploy/audit.toml").read_text()).get("vulnerabilities", [])
    refused = refusals(accepted, today or dt.datetime.now(dt.UTC).date())
    locks = sorted(root.glob("*/*/requirements.lock"))
    ignored = [f"--ignore-vuln={one['id']}" for one in accepted]
    total, unaudited = Findings(0, [], []), list[str]()
    try:
        ask_for_the_canary(arguments)
        total = findings(report(locks, [*ignored, *arguments]))
    except Unanswered as reason:
        unaudited.append(str(reason))
    try:
        for lock in sorted(root.glob("*/*/package-lock.json")):
            ask_npm_for_the_canary()
            total = total.and_(npm_findings(npm_report(lock.parent), {one["id"] for one in accepted}))
    except Unanswered as reason:
        unaudited.append(f"npm: {reason}")
    if total.audited:
        print(f"vulnerabilities: {len(total.vulnerable)} in {total.audited} packages")
    return tell(refused + total.vulnerable, "; ".join(unaudited + total.skipped))


def tell(errors: list[str], unaudited: str) -> int:
    """Exit status. What is not audited is an error only where an audit is required."""
    required = bool(os.environ.get("WAGGLE_AUDIT_REQUIRED"))
    for error in errors:
        print(f"ERROR: {error}", file=sys.stderr)
    if unaudited:
        print(
            f"{'ERROR' if required else 'WARNING'}: not audited for vulnerabilities: {unaudited}",
            file=sys.stderr,
        )
    return 1 if errors or (unaudited and required) else 0


def refusals(accepted: list[dict[str, Any]], today: dt.date) -> list[str]:
    """What is wrong with the vulnerabilities that deploy/audit.toml accepts."""
    return [
        f"deploy/audit.toml: {one['id']} was accepted until {one['until']} only"
        if one["until"] < today
        else f"deploy/audit.toml: {one['id']} is accepted without a reason"
        for one in accepted
        if one["until"] < today or not one["reason"].strip()
    ]


def ask_for_the_canary(arguments: list[str]) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(CANARY)
        file.flush()
        found = findings(report([Path(file.name)], ["--no-deps", *arguments]))
    if not found.vulnerable:
        raise Unanswered(f"the database does not know that {CANARY} is vulnerable")


def report(requirements: list[Path], arguments: list[str]) -> dict[str, Any]:
    """What pip-audit says of all these files together."""
    files = [f"--requirement={path}" for path in requirements]
    command = [sys.executable, "-m", "pip_audit", *OPTIONS, *files, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_S)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise Unanswered(f"no end after {LONGEST_S} s") from error
    if done.stdout:
        read: dict[str, Any] = json.loads(done.stdout)
        return read
    if any(sign in done.stderr for sign in UNANSWERED):
        raise Unanswered(done.stderr.strip().splitlines()[-1])
    raise SystemExit(f"pip-audit failed:\n{done.stderr}")


def findings(read: dict[str, Any]) -> Findings:
    audited = [one for one in read["dependencies"] if "skip_reason" not in one]
    return Findings(
        len(audited),
        [f"{one['name']} {one['version']}: {told(found)}" for one in audited for found in one["vulns"]],
        [one["skip_reason"] for one in read["dependencies"] if "skip_reason" in one],
    )


def ask_npm_for_the_canary() -> None:
    name, version = NPM_CANARY
    packages = {"": {"dependencies": {name: version}}, f"node_modules/{name}": {"version": version}}
    with tempfile.TemporaryDirectory() as folder:
        lock = {"name": "canary", "lockfileVersion": 3, "packages": packages}
        Path(folder, "package-lock.json").write_text(json.dumps(lock))
        Path(folder, "package.json").write_text(json.dumps(packages[""]))
        if not npm_findings(npm_report(Path(folder)), set()).vulnerable:
            raise Unanswered(f"the database does not know that {name} {version} is vulnerable")


def npm_report(folder: Path) -> dict[str, Any]:
    """What `npm audit` says of the package-lock.json in `folder`. It prints JSON, of refusals too."""
    command = [str(NODE), str(NPM), "audit", *NPM_OPTIONS]
    env = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=LONGEST_S
        )
    except subprocess.TimeoutExpired as error:
        raise Unanswered(f"no end after {LONGEST_S} s") from error
    read: dict[str, Any] = json.loads(done.stdout)
    if "vulnerabilities" in read:
        return read
    if "statusCode" in read or "audit endpoint" in done.stderr:
        raise Unanswered(str(read.get("message")))
    raise SystemExit(f"npm audit failed:\n{done.stdout}{done.stderr}")


def npm_findings(read: dict[str, Any], accepted: set[str]) -> Findings:
    """A package that is only vulnerable by another that it needs is not counted: that one is."""
    advisories = [
        (one["name"], via["url"].rpartition("/")[2], via["title"], via["range"])
        for one in read["vulnerabilities"].values()
        for via in one["via"]
        if isinstance(via, dict)
    ]
    vulnerable = [
        f"{name}: {known_as}, {title}; versions {affected}"
        for name, known_as, title, affected in advisories
        if known_as not in accepted
    ]
    return Findings(read["metadata"]["dependencies"]["total"], vulnerable, [])


def told(vulnerability: dict[str, Any]) -> str:
    names = ", ".join([vulnerability["id"], *vulnerability.get("aliases", [])])
    return f"{names}; fixed in {', '.join(vulnerability['fix_versions']) or 'no version yet'}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
