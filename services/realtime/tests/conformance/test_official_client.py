"""The official Socket.IO client against each engine, by each of its transports."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from stack.node import NODE, install
from stack.ports import Reservation

from .served import served

JS = Path(__file__).parents[4] / "tests" / "clients" / "js"
MODES = ("websocket", "polling", "default")
SHORT_PINGS = {"ping_interval_seconds": 0.3, "ping_timeout_seconds": 20}


def names(file: str) -> list[str]:
    """Of the checks that this file of `checks/` holds."""
    return re.findall(r'^check\("(.+?)", ', (JS / "checks" / f"{file}.mjs").read_text(), re.MULTILINE)


EVERYWHERE = ("connecting", "talking", "leaving", "recovering")
CHECKS = [(mode, name) for mode in MODES for file in EVERYWHERE for name in names(file)]
CHECKS += [("default", name) for name in names("upgrading")]
PING_CHECKS = [(mode, name) for mode in MODES for name in names("staying")]

Results = dict[tuple[str, str], str | None]
"""(mode, name of the check) → what went wrong, None if nothing did."""


@pytest_asyncio.fixture(scope="module")
async def results(engine: str, ports: Reservation) -> AsyncIterator[Results]:
    """Of all checks, run side by side against one server."""
    async with served(engine, ports) as (_, url):
        runs = [_run(url, mode, *EVERYWHERE, *(["upgrading"] * (mode == "default"))) for mode in MODES]
        found = await asyncio.gather(*runs)
    yield {key: value for one in found for key, value in one.items()}


@pytest_asyncio.fixture(scope="module")
async def ping_results(engine: str, ports: Reservation) -> AsyncIterator[Results]:
    """The same, of those about pings."""
    async with served(engine, ports, **SHORT_PINGS) as (_, url):
        found = await asyncio.gather(*(_run(url, mode, "staying") for mode in MODES))
    yield {key: value for one in found for key, value in one.items()}


async def _run(url: str, mode: str, *files: str) -> Results:
    install(JS)
    process = await asyncio.create_subprocess_exec(
        NODE,
        JS / "conformance.mjs",
        url,
        mode,
        *files,
        stdout=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    lines = [json.loads(line) for line in output.splitlines()]
    return {(mode, line["name"]): line.get("error") for line in lines}


@pytest.mark.parametrize(("mode", "name"), CHECKS)
def test_the_official_client(results: Results, mode: str, name: str) -> None:
    """C1, C7"""
    assert results[mode, name] is None, results[mode, name]


@pytest.mark.parametrize(("mode", "name"), PING_CHECKS)
def test_the_official_client_and_pings(ping_results: Results, mode: str, name: str) -> None:
    """C1"""
    assert ping_results[mode, name] is None, ping_results[mode, name]
