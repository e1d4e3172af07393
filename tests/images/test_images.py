"""What the built images are."""

import re

import pytest
from docker.client import DockerClient
from tests.alone import PATIENCE_S

from .conftest import Images
from .containers import HARDENED
from .fleet import SERVICES

pytestmark = pytest.mark.timeout(PATIENCE_S)
BASE = "python:3.13-slim"
MOST_MB = 90
"""What an image may add to its base; deploy/k8s/README.md says what each does add."""


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_says_what_it_is_and_runs_as_nobody(
    engine: DockerClient, images: Images, service: str
) -> None:
    config = engine.images.get(images[service]).attrs["Config"]
    assert config["User"] == "10001:10001"
    assert config["Cmd"] == ["python", "-m", service]
    assert config["Entrypoint"] is None
    labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items()}
    assert labels["title"] == f"waggle/{service}"
    assert labels["version"] == "test"
    assert re.fullmatch(r"[0-9a-f]{40}", labels["revision"])
    assert labels["licenses"]


@pytest.mark.parametrize("service", SERVICES)
def test_dockerfiles_of_one_size_and_age_are_told_apart(
    engine: DockerClient, next_images: Images, service: str
) -> None:
    """matching's and realtime's are as long. BuildKit knows files by size and time."""
    assert engine.images.get(next_images[service]).attrs["Config"]["Cmd"] == ["python", "-m", service]


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_adds_little_to_its_base(engine: DockerClient, images: Images, service: str) -> None:
    base = engine.images.get(BASE).attrs["Size"]
    added = (engine.images.get(images[service]).attrs["Size"] - base) / 1e6
    assert 0 < added < MOST_MB


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_its_own_service_only_and_no_tools(
    engine: DockerClient, images: Images, service: str
) -> None:
    """Neither the others' packages, nor what they need, nor what builds."""
    others = sorted(set(SERVICES) - {service})
    code = (
        "import importlib.util as u, shutil; "
        f"print([n for n in {[service, *others, 'pip', 'uv', 'pytest']!r} if u.find_spec(n)], "
        "shutil.which('uv', path='/app/bin'))"
    )
    said = engine.containers.run(
        images[service], ["/app/bin/python", "-c", code], remove=True, network_mode="none", **HARDENED
    )
    assert said.decode().strip() == f"['{service}'] None"


@pytest.mark.parametrize("service", SERVICES)
def test_wrong_settings_end_it_at_once_and_say_which(
    engine: DockerClient, images: Images, service: str
) -> None:
    container = engine.containers.run(
        images[service],
        environment={"WAGGLE_HTTP_PORT": "many"},
        detach=True,
        network_mode="none",
        **HARDENED,
    )
    try:
        status = container.wait(timeout=60)["StatusCode"]
        assert status != 0
        assert "http_port" in container.logs().decode().lower()
    finally:
        container.remove(force=True)
