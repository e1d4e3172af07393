"""`just audit`: is any Python package of the images known to be vulnerable?

pip-audit asks PyPI's database about each pin of */*/requirements.lock. What it finds ends this with status
1, unless deploy/audit.toml accepts it. Where the database is not to be had (no network, a mirror that
carries only packages), nothing is known, and that is said: a warning, or status 1 where
WAGGLE_AUDIT_REQUIRED is set.

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


class Unanswered(Exception):  # noqa: N818
    """The database did not answer; the message says how."""


class Findings(NamedTuple):
    """What was found in how many packages, and what of them was not looked at: one line each."""

    audited: int
    vulnerable: list[str]
    skipped: list[str]


def main(arguments: list[str], root: Path = ROOT, today: dt.date | None = None) -> int:
    accepted = tomllib.loads((root / "deploy/audit.toml").read_text()).get("vulnerabilities", [])
    refused = refusals(accepted, today or dt.datetime.now(dt.UTC).date())
    locks = sorted(root.glob("*/*/requirements.lock"))
    ignored = [f"--ignore-vuln={one['id']}" for one in accepted]
    try:
        ask_for_the_canary(arguments)
        found = findings(report(locks, [*ignored, *arguments]))
    except Unanswered as reason:
        return tell(refused, str(reason))
    print(f"vulnerabilities: {len(found.vulnerable)} in {found.audited} packages")
    return tell(refused + found.vulnerable, "; ".join(found.skipped))


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


def told(vulnerability: dict[str, Any]) -> str:
    names = ", ".join([vulnerability["id"], *vulnerability.get("aliases", [])])
    return f"{names}; fixed in {', '.join(vulnerability['fix_versions']) or 'no version yet'}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
