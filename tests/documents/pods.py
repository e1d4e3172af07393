"""A Job's pod as a process of this machine, in place of its image."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

IMAGE = re.compile(r"registry\.example\.com/waggle/(booking|matching|realtime|push):0\.1\.0")
"""What an operator of these pages has built and put into the registry."""
BUS = "nats://nats:4222"
"""Where the manifests say that it is."""


async def run_here(pod: Any, env: Mapping[str, str], nats_url: str) -> tuple[int, str]:
    """Exit status and output. AssertionError for an image that nobody has built."""
    (container,) = pod["spec"]["containers"]
    assert IMAGE.fullmatch(container["image"]), container["image"]
    program, *arguments = container["command"]
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name(program)), *arguments),
        env={"PATH": os.environ["PATH"], **{name: one.replace(BUS, nats_url) for name, one in env.items()}},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    return process.returncode or 0, output
