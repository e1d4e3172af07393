"""tools/apns/README.md, tools/fcm/README.md: the stand-ins start by the command, and say where they are."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest

from .written import ROOT, commands

MARKS = {
    "apns": "tests/documents/test_standins.py::apns",
    "fcm": "tests/documents/test_standins.py::fcm",
}


@pytest.mark.parametrize("name", MARKS)
async def test_a_stand_in_starts_by_its_command(name: str, tmp_path: Path) -> None:
    (command,) = commands(MARKS[name])
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", f"exec {command}"),
        cwd=tmp_path,
        env=os.environ | {"PATH": path, "UV_PROJECT": str(ROOT), "UV_NO_SYNC": "1"},
        start_new_session=True,
    )
    ports = tmp_path / "var" / name / "ports.json"
    try:
        async with asyncio.timeout(60):
            while not ports.exists():
                assert process.returncode is None
                await asyncio.sleep(0.05)
        said = json.loads(ports.read_text())
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"http://{said['host']}:{said['control_port']}/livez")
        assert answer.text == "ok"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()
    assert not ports.exists()
