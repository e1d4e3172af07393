"""Each service starts alone, says what it waits for, and becomes ready when that comes."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager

import httpx
import pytest

from stack.parts import parts
from wire.bootstrap import bootstrap
from wire.migrate import upgrade

DATABASES = {"booking", "matching", "push"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def process(service, **settings):
    """`python -m <service>`, and HTTP to it. Ends by SIGTERM, in time and without an error."""
    port = free_port()
    env = os.environ | {
        "WAGGLE_HTTP_PORT": str(port),
        "WAGGLE_JWT_KEY": "x" * 32,
        "WAGGLE_DRAIN_SECONDS": "3",
        **settings,
    }
    running = await asyncio.create_subprocess_exec(sys.executable, "-m", service, env=env)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            yield http
    finally:
        running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            status = await running.wait()
    assert status == 0


async def answers(http, path, status):
    async with asyncio.timeout(30):
        while True:
            try:
                answer = await http.get(path)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == status:
                return answer
            await asyncio.sleep(0.05)


SERVICES = ["booking", "matching", "realtime", "push"]


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_that_still_waits_ends_at_once(service):
    port = free_port()
    nowhere = {
        "WAGGLE_NATS_URL": f"nats://127.0.0.1:{port}",
        "WAGGLE_DATABASE_URL": f"postgresql+asyncpg://nobody@127.0.0.1:{port}/none",
        "WAGGLE_DRAIN_SECONDS": "60",
    }
    async with process(service, **nowhere) as http:
        await answers(http, "/readyz", 503)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_started_first_waits_for_everything_it_needs(service):
    async with parts() as house:
        database = await house.fresh_database() if service in DATABASES else None
        await house.stop("nats")
        await house.stop("postgres")
        settings = {"WAGGLE_NATS_URL": house.nats_url}
        if database:
            settings["WAGGLE_DATABASE_URL"] = database
        async with process(service, **settings) as http:
            await answers(http, "/livez", 200)
            waiting = await answers(http, "/readyz", 503)
            assert waiting.json()["code"] == "not_ready"
            assert "nats" in waiting.json()["failing"]
            await house.start("nats")
            await bootstrap(house.nats_url)
            if database:
                waiting = await answers(http, "/readyz", 503)
                assert "database" in waiting.json()["failing"]
                await house.start("postgres")
                await answers(http, "/readyz", 503)  # the schema is not there yet
                await upgrade(service, database)
            await answers(http, "/readyz", 200)
            # And again when a part goes away and comes back.
            await house.kill("nats")
            await answers(http, "/livez", 200)
            await answers(http, "/readyz", 200)
