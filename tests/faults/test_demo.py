"""The demo itself: a city on the whole house, and every service killed in the middle of it."""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

import pytest
from tests.alone import PATIENCE_S

pytestmark = [pytest.mark.usefixtures("one_city"), pytest.mark.timeout(PATIENCE_S)]
ROOT = Path(__file__).parents[2]


async def city(*options):
    """`just demo` without just: its exit status, what it printed, and its figures."""
    with tempfile.TemporaryDirectory(prefix="waggle-demo-") as folder:
        state, figures = Path(folder) / "state", Path(folder) / "demo.json"
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user where tests run as root
        command = [sys.executable, "-m", "city", "demo", "--state", str(state), "--json", str(figures)]
        process = await asyncio.create_subprocess_exec(
            *command,
            "--no-console",
            *options,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output = (await process.communicate())[0].decode()
        assert " Violation - " not in (state / "log" / "nats.log").read_text(), "all is permitted on the bus"
        return process.returncode, output, json.loads(figures.read_text()) if figures.exists() else {}


async def test_a_city_runs_and_its_invariants_hold():
    """DESIGN invariants 1, 2, 3 and 6, seen from outside: by what the apps were told and the API says."""
    status, output, figures = await city("--seconds", "8", "--drivers", "60")
    assert status == 0, output
    assert figures["violations"] == []
    assert figures["assigned"] >= 10, figures
    assert 0 < figures["order_to_offer_ms"]["p50"] <= figures["order_to_offer_ms"]["p99"]
    assert figures["pushes_by_platform"].keys() == {"ios", "android"}
    assert min(figures["pushes_by_platform"].values()) > 0


async def test_a_city_survives_the_death_of_every_service_in_turn():
    """B13, DESIGN invariants 1, 2, 3 and 6: `kill -9`, and the supervisor starts it again."""
    dying = ("booking@3", "matching@7", "matching-2@9", "realtime@11", "push@15")
    kills = [option for each in dying for option in ("--kill", each)]
    status, output, figures = await city("--seconds", "20", "--drivers", "60", *kills)
    assert status == 0, output
    assert figures["violations"] == []
    assert figures["assigned"] >= 10, figures
