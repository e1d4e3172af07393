"""The demos that the documents show, as they are written: half a minute of a city each."""

import csv
import os
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.alone import PATIENCE_S

from .shell import shell
from .written import ROOT, commands

BEGIN = datetime(2014, 4, 1, 8, tzinfo=UTC)
COMMANDS = commands("tests/documents/test_demos.py")


def trips(file: Path) -> None:
    """An hour of demand, as somebody may bring it."""
    with file.open("w", newline="") as opened:
        rows = csv.writer(opened)
        rows.writerow(["Date/Time", "Lat", "Lon"])
        for minute in range(240):
            when = BEGIN + timedelta(seconds=15 * minute)
            rows.writerow([when.strftime("%m/%d/%Y %H:%M:%S"), 40.75 + minute % 9 / 500, -73.98])


@pytest.mark.usefixtures("one_place", "one_city")
@pytest.mark.timeout(PATIENCE_S)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: shlex.split(one)[-2])
async def test_a_city_lives_through_it(command: str, tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o755)  # PostgreSQL runs as another user where tests run as root
    trips(tmp_path / "trips.csv")
    just = {"JUST_JUSTFILE": str(ROOT / "justfile"), "JUST_WORKING_DIRECTORY": str(tmp_path)}
    env = just | {"UV_PROJECT": str(ROOT), "UV_NO_SYNC": "1"}
    said = await shell(command, cwd=tmp_path, env=env, patience_s=500)
    assert "invariants 1, 2, 3 and 6 of the design held" in said
