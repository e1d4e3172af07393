"""A new version is rolled out while a city lives in the house: nobody's job is lost."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.alone import PATIENCE_S

from .conftest import Images
from .fleet import ROOT, SERVICES, Fleet

pytestmark = pytest.mark.timeout(PATIENCE_S)


async def city(house: Fleet, figures: Path) -> asyncio.subprocess.Process:
    """Customers and drivers of `just demo`, for half a minute and until their jobs are done."""
    options = ["--seconds", "30", "--drivers", "60", "--disturbed", "--json", str(figures)]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "city", "run", "--url", house.url, "--jwt-key", house.jwt_key, *options),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


def read(figures: Path) -> Any:
    return json.loads(figures.read_text())


async def outcome(process: asyncio.subprocess.Process, figures: Path) -> dict[str, Any]:
    """What the city reports. AssertionError unless its own check found nothing wrong."""
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    report: dict[str, Any] = await asyncio.to_thread(read, figures)
    assert report["violations"] == []
    assert report["assigned"] >= 20, report
    return report


async def load_has_begun(process: asyncio.subprocess.Process) -> None:
    assert process.stdout
    async for line in process.stdout:
        if b" live | " in line:
            return
    pytest.fail("the city ended before it lived")


async def test_a_version_with_larger_contracts_comes_in_service_by_service(
    house: Fleet, next_images: Images, tmp_path: Path
) -> None:
    """B13, DESIGN invariants 1, 2, 3 and 6: in between, old and new speak to each other."""
    figures = tmp_path / "city.json"
    process = await city(house, figures)
    await load_has_begun(process)
    for service in SERVICES:
        statuses = await house.replace({service: next_images[service]}, slot=1)
        assert statuses == {service: 0}
    report = await outcome(process, figures)
    assert report["connection_lost_to_back_ms"]["samples"] > 0
    print(json.dumps({name: report[name] for name in report if name.endswith("_ms")}))


async def test_all_services_at_once_go_back_to_the_former_version(
    house: Fleet, images: Images, tmp_path: Path
) -> None:
    """B13, DESIGN invariants 1, 2, 3 and 6."""
    figures = tmp_path / "city.json"
    process = await city(house, figures)
    await load_has_begun(process)
    statuses = await house.replace(images, slot=0)
    assert statuses == dict.fromkeys(SERVICES, 0)
    report = await outcome(process, figures)
    assert report["connection_lost_to_back_ms"]["samples"] > 0
    print(json.dumps({name: report[name] for name in report if name.endswith("_ms")}))
