import asyncio
import json
import signal
import ssl
import stat
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

TOPICS = "org.example.driver,org.example.customer"


async def start(state: Path, *options: str) -> Process:
    command = [sys.executable, "-m", "apns_standin", "--state", str(state), "--topics", TOPICS]
    return await asyncio.create_subprocess_exec(*command, *options, stdout=PIPE, stderr=PIPE)


async def line(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return (await process.stdout.readline()).decode().rstrip("\n")


@asynccontextmanager
async def running(state: Path, *options: str) -> AsyncIterator[tuple[Process, dict[str, Any]]]:
    process = await start(state, *options)
    try:
        assert (await line(process)).startswith("apns  ready on https://127.0.0.1:")
        yield process, json.loads((state / "ports.json").read_text())
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def push(
    state: Path, ports: dict[str, Any], body: dict[str, Any], topic: str = "org.example.driver"
) -> int:
    """Send as one who has the files and the ports, and nothing else."""
    claims = {"iss": "TEAM000001", "iat": int(time.time())}
    token = jwt.encode(claims, (state / "key.p8").read_bytes(), "ES256", headers={"kid": "KEY0000001"})
    trust = ssl.create_default_context(cafile=state / "ca.pem")
    async with httpx.AsyncClient(http2=True, verify=trust) as client:
        answer = await client.post(
            f"https://localhost:{ports['port']}/3/device/{'ab' * 32}",
            headers={"authorization": f"bearer {token}", "apns-topic": topic},
            json=body,
        )
    return answer.status_code


IDENTITY = ("--key-id", "KEY0000001", "--team-id", "TEAM000001")


async def test_files_alone_are_enough_to_push_and_a_line_tells_of_it(tmp_path: Path) -> None:
    async with running(tmp_path, *IDENTITY, "--verbose") as (process, ports):
        alert = {"title": "New Job Nearby", "body": "12 Main St - $45"}
        assert await push(tmp_path, ports, {"aps": {"alert": alert}}) == 200
        assert await line(process) == "apns  abababab…  200  New Job Nearby: 12 Main St - $45"
        assert await push(tmp_path, ports, {"aps": {}}, "org.example.other") == 400
        assert await line(process) == "apns  abababab…  400 TopicDisallowed"


async def test_nothing_in_a_title_steers_the_terminal(tmp_path: Path) -> None:
    async with running(tmp_path, *IDENTITY, "--verbose") as (process, ports):
        assert await push(tmp_path, ports, {"aps": {"alert": "\x1b[2Jgone\nnew line"}}) == 200
        assert await line(process) == "apns  abababab…  200   [2Jgone new line"


async def test_the_key_is_pkcs8_and_private_and_all_files_outlive_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path):
        files = {name: (tmp_path / name).read_bytes() for name in ("ca.pem", "key.p8", "server.pem")}
    assert files["key.p8"].startswith(b"-----BEGIN PRIVATE KEY-----")
    assert load_pem_private_key(files["key.p8"], password=None).curve.name == "secp256r1"  # type: ignore[union-attr]
    assert stat.S_IMODE((tmp_path / "key.p8").stat().st_mode) == 0o600
    async with running(tmp_path):
        assert {name: (tmp_path / name).read_bytes() for name in files} == files


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly_with_a_push_hanging_and_a_reader_waiting(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with (
        running(tmp_path, *IDENTITY) as (process, ports),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports['control_port']}/control", timeout=30) as client,
        httpx.AsyncClient(base_url=client.base_url, timeout=30) as reader,
    ):
        await client.put("/tokens/*", json={"hang_s": 600})
        hanging = asyncio.create_task(push(tmp_path, ports, {"aps": {}}))
        seen = (await reader.get("/pushes", params={"wait_s": 20})).json()
        waiting = asyncio.create_task(reader.get("/pushes", params={"since": seen["last"], "wait_s": 60}))
        # Both connections stand by now: an answer to this says that the reader's request was read before.
        await client.get("/tokens")
        process.send_signal(number)
        with pytest.raises(httpx.TransportError):
            await hanging
        assert (await waiting).json()["pushes"] == []
        async with asyncio.timeout(10):
            _, errors = await process.communicate()
        assert (process.returncode, errors) == (0, b"")
        assert not (tmp_path / "ports.json").exists()


async def refused_start(state: Path, *options: str) -> tuple[int | None, str]:
    """Exit status and stderr of a process that is expected to end by itself."""
    process = await start(state, *options)
    try:
        async with asyncio.timeout(20):
            _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    return process.returncode, errors.decode()


async def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    async with running(tmp_path / "first") as (_, ports):
        status, errors = await refused_start(tmp_path / "second", "--port", str(ports["port"]))
    assert status == 1
    assert errors.startswith("apns: cannot start: ")
    assert errors.count("\n") == 1
    assert not (tmp_path / "second" / "ports.json").exists()


async def test_a_key_file_that_is_no_key_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "key.p8").write_text("not a key")
    status, errors = await refused_start(tmp_path)
    assert status == 1
    assert errors.startswith("apns: cannot start: ")


async def test_no_topic_at_all_is_refused(tmp_path: Path) -> None:
    status, errors = await refused_start(tmp_path, "--topics", " , ")
    assert status == 2
    assert "at least one bundle id" in errors
