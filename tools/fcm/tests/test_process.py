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

import httpx
import jwt

TOKEN = "fcm-token:" + "A" * 130
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


async def line(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        return (await process.stdout.readline()).decode().rstrip("\n")


@asynccontextmanager
async def running(state: Path, *options: str) -> AsyncIterator[Process]:
    command = [sys.executable, "-m", "fcm_standin", "--state", str(state), *options]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    try:
        assert (await line(process)).startswith("fcm  ready on https://127.0.0.1:")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def push(state: Path, title: str) -> int:
    """Send as one who has the files and the ports, and nothing else."""
    account = json.loads((state / "service-account.json").read_text())
    port, now = json.loads((state / "ports.json").read_text())["port"], int(time.time())
    claims = {
        "iss": account["client_email"],
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": account["token_uri"],
        "iat": now,
        "exp": now + 3600,
    }
    assertion = jwt.encode(claims, account["private_key"], "RS256", {"kid": account["private_key_id"]})
    trust = ssl.create_default_context(cafile=state / "ca.pem")
    async with httpx.AsyncClient(http2=True, verify=trust) as client:
        form = {"grant_type": GRANT, "assertion": assertion}
        token = (await client.post(account["token_uri"], data=form)).json()["access_token"]
        answer = await client.post(
            f"https://localhost:{port}/v1/projects/{account['project_id']}/messages:send",
            headers={"authorization": f"Bearer {token}"},
            json={"message": {"token": TOKEN, "notification": {"title": title, "body": "12 Main St"}}},
        )
    return answer.status_code


async def test_files_alone_are_enough_to_push_and_a_line_tells_of_it(tmp_path: Path) -> None:
    async with running(tmp_path, "--project", "org-example", "--verbose") as process:
        assert await push(tmp_path, "New\x1b[2J Job") == 200
        assert await line(process) == "fcm  fcm-toke…  200  New [2J Job: 12 Main St"


async def test_the_key_is_private_and_outlives_a_restart_on_another_port(tmp_path: Path) -> None:
    file = tmp_path / "service-account.json"
    accounts = []
    for _ in range(2):
        async with running(tmp_path) as process:
            accounts.append(json.loads(file.read_text()))
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                _, errors = await process.communicate()
            assert (process.returncode, errors) == (0, b"")
    assert accounts[0]["private_key"] == accounts[1]["private_key"]
    assert accounts[0]["private_key"].startswith("-----BEGIN PRIVATE KEY-----")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not (tmp_path / "ports.json").exists()


async def test_a_key_file_that_is_none_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "service-account.json").write_text("not a key")
    command = [sys.executable, "-m", "fcm_standin", "--state", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    try:
        async with asyncio.timeout(60):
            _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 1
    assert errors.startswith(b"fcm: cannot start: ")
    assert errors.count(b"\n") == 1
