"""A stand-in for helm, which comes neither as a wheel nor from Debian. It installs nothing.

What a command says is looked at: the chart's repository was added before, each file is there and is YAML, the
namespace is there. Flags other than those of the documents are refused.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml


def main(arguments: Sequence[str], repositories: Path) -> None:
    """`repositories`: the file in which those that were added are remembered."""
    said = _parser().parse_args(arguments)
    known = yaml.safe_load(repositories.read_text()) if repositories.exists() else {}
    if said.command == "repo":
        repositories.write_text(yaml.safe_dump(known | {said.name: said.url}))
        return
    repository, _, chart = said.chart.partition("/")
    if repository not in known or not chart:
        sys.exit(f"Error: repo {repository} not found")
    for file in said.values:
        assert isinstance(yaml.safe_load(Path(file).read_text()), dict), file
    assert all("=" in one for one in said.set)
    subprocess.run(["kubectl", "get", "namespace", said.namespace], check=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("helm", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("repo").add_subparsers(required=True).add_parser("add")
    add.add_argument("name")
    add.add_argument("url")
    upgrade = commands.add_parser("upgrade", allow_abbrev=False)
    upgrade.add_argument("release")
    upgrade.add_argument("chart")
    upgrade.add_argument("--install", action="store_true", required=True)
    upgrade.add_argument("--namespace", required=True)
    upgrade.add_argument("--values", action="append", default=[])
    upgrade.add_argument("--set", action="append", default=[])
    return parser


if __name__ == "__main__":
    main(sys.argv[1:], Path(os.environ["HOME"]) / "helm-repositories.yaml")
