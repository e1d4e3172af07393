"""The web console's image, run as deploy/k8s runs it."""

import asyncio
import re
import tarfile
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from docker.client import DockerClient
from docker.errors import APIError
from docker.models.containers import Container
from tests import alone

from stack.ready import http_ok

from .containers import HARDENED, Containers, end, subnet

pytestmark = pytest.mark.timeout(alone.PATIENCE_S)

MOST_MB = 60
"""Caddy is 52 of it."""
PATIENCE_S = 60
BOUNDS = {**HARDENED, "mem_limit": "64m"}
"""Its limit in deploy/k8s/base/console."""


@asynccontextmanager
async def running(engine: DockerClient, image: str) -> AsyncIterator[tuple[Container, str]]:
    """(container, its own origin)"""
    with subnet(engine) as network:
        containers = Containers(engine)
        try:
            made = containers.start(image, [(network, 10)], name="console", hardened=False, **BOUNDS)
            url = f"http://{network.address(10)}:8080"
            await asyncio.wait_for(http_ok(f"{url}/healthz"), PATIENCE_S)
            yield made, url
        finally:
            containers.close()


@pytest.fixture(scope="module")
async def origin(engine: DockerClient, console_image: str) -> AsyncIterator[str]:
    """Of a console for the tests of this module."""
    async with running(engine, console_image) as (_, url):
        yield url


@pytest.fixture
async def http(origin: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=origin) as client:
        yield client


def test_it_says_what_it_is_and_runs_as_nobody(engine: DockerClient, console_image: str) -> None:
    config = engine.images.get(console_image).attrs["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] is None
    assert config["Cmd"] == ["/caddy", "run", "--config", "/etc/caddy/Caddyfile"]
    labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items()}
    assert (labels["title"], labels["version"]) == ("waggle/console", "test")
    assert re.fullmatch(r"[0-9a-f]{40}", labels["revision"])
    assert labels["licenses"]


def test_it_is_small(engine: DockerClient, console_image: str) -> None:
    assert engine.images.get(console_image).attrs["Size"] / 1e6 < MOST_MB


def test_it_has_one_program_and_no_shell(engine: DockerClient, console_image: str) -> None:
    container = engine.containers.create(console_image)
    try:
        with tempfile.TemporaryFile() as archive:
            for chunk in container.export():
                archive.write(chunk)
            archive.seek(0)
            with tarfile.open(fileobj=archive) as files:
                assert [one.name for one in files if one.size and one.mode & 0o111] == ["caddy"]
    finally:
        container.remove()
    with pytest.raises(APIError, match="executable file not found"):
        engine.containers.run(console_image, ["sh"], remove=True, network_mode="none", **BOUNDS)


@pytest.mark.parametrize("path", ["/console/", "/console/jobs/7"])
async def test_every_address_within_it_gives_the_page_with_its_headers(
    http: httpx.AsyncClient, path: str
) -> None:
    page = await http.get(path)
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
    assert '<div id="app">' in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_its_files_come_compressed_and_are_kept_for_good(http: httpx.AsyncClient) -> None:
    page = (await http.get("/console/")).text
    files = re.findall(r'(?:src|href)="(/console/assets/[^"]+)"', page)
    assert {name.rpartition(".")[2] for name in files} == {"js", "css"}
    for name in files:
        file = await http.get(name, headers={"Accept-Encoding": "gzip"})
        assert (file.status_code, file.headers["content-encoding"]) == (200, "gzip"), name
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable", name


@pytest.mark.parametrize("path", ["/console/assets/index-of-another-version.js", "/", "/v1/bookings"])
async def test_what_it_does_not_have_is_404_and_not_kept(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


async def test_sigterm_ends_it_in_order(engine: DockerClient, console_image: str) -> None:
    """And until then it has found nothing wrong with a file system that it may not write to."""
    async with running(engine, console_image) as (container, _):
        assert end(container) == 0
        assert '"level":"error"' not in container.logs().decode()
