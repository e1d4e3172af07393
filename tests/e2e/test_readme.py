"""The README's job by hand, run as it is written."""

import asyncio
import os
import re
import shlex
import signal
import socket
import sys
import tempfile
from pathlib import Path

import pytest
from tests.documents.written import commands

ROOT = Path(__file__).parents[2]


def command_to_start():
    [block] = commands("tests/e2e/test_readme.py::up")
    return block.removeprefix("uv run ")


def block_to_run():
    [block] = commands("tests/e2e/test_readme.py::other")
    return block


def readme():
    return (ROOT / "README.md").read_text()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
async def up():
    """`just up` on a free port; gives the port and the environment of the other terminal."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="waggle-readme-") as state:
        os.chmod(state, 0o755)
        bin_folder = str(Path(sys.executable).parent)
        env = os.environ | {"WAGGLE_STATE": state, "PATH": f"{bin_folder}:{os.environ['PATH']}"}
        house = await asyncio.create_subprocess_exec(
            *shlex.split(command_to_start().replace("8080", str(port))),
            "--no-console",
            cwd=ROOT,
            env=env,
            stdout=asyncio.subprocess.PIPE,
        )
        assert house.stdout
        try:
            async with asyncio.timeout(300):
                while b"Ctrl-C ends it" not in await house.stdout.readline():
                    assert house.returncode is None
            yield port, env
        finally:
            house.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                await house.communicate()


@pytest.mark.timeout(700)
async def test_the_job_by_hand_works_as_written(up):
    port, env = up
    script = "set -eu\n" + block_to_run().replace("8080", str(port))
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        script,
        cwd=ROOT,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(120):
        output = (await shell.communicate())[0].decode()
    assert shell.returncode == 0, output
    assert '"status":"accepted"' in output.replace(" ", "").splitlines()[-1], output
    assert "'ok': True, 'bookingId'" in output, output


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", readme()))))
def test_every_link_of_the_readme_leads_somewhere(link):
    assert (ROOT / link).exists()
