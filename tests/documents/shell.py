"""Commands run in bash, as somebody would who reads them from the page."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from .written import ROOT


async def shell(
    script: str,
    *,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    path: tuple[Path, ...] = (),
    patience_s: float = 110,
) -> str:
    """What it printed. AssertionError if a line of it fails. `path`: where to look for programs first."""
    folders = [*path, Path(sys.executable).parent, os.environ["PATH"]]
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", f"set -euo pipefail\n{script}"),
        cwd=cwd,
        env={**os.environ, **(env or {}), "PATH": os.pathsep.join(map(str, folders))},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(patience_s):
            output = (await process.communicate())[0].decode()
    except TimeoutError:
        os.killpg(process.pid, 9)
        raise AssertionError(f"not done after {patience_s} s:\n{script}") from None
    assert process.returncode == 0, f"{script}\n{output}"
    return output
