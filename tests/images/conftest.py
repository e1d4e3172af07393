"""Images are built once a session, with Docker: `just test tests/images --backend=containers`."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from docker.client import DockerClient
from tests.alone import alone

from .fleet import ROOT, SERVICES, Fleet, fleet

Images = Mapping[str, str]


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Iterator[DockerClient]:
    if request.config.getoption("backend") != "containers":
        pytest.skip("needs a Docker engine: --backend=containers")
    client = DockerClient.from_env()
    yield client
    client.close()


def build(context: Path, tag: str, names: Iterable[str] = SERVICES) -> Images:
    """The image of each service, or of what is named, built from the sources in `context`."""
    images = {name: f"waggle/{name}:{tag}" for name in names}
    for name, image in images.items():
        command = ["just", "--justfile", str(ROOT / "justfile"), "image", name, tag, str(context)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        assert image in done.stdout
    return images


@pytest.fixture(scope="session")
def images(engine: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Of the sources as they are."""
    with alone(tmp_path_factory):
        return build(ROOT, "test")


@pytest.fixture(scope="session")
def console_image(engine: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of the web console, as it is."""
    with alone(tmp_path_factory):
        return build(ROOT, "test", ["console"])["console"]


@pytest.fixture(scope="session")
def next_images(engine: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Of a next version, whose contracts have gained a field in every dispatch event, and an event."""
    context = tmp_path_factory.mktemp("next") / "src"
    unwanted = shutil.ignore_patterns("tests", "__pycache__", ".*", "*.egg-info")
    for folder in ("libs", "services", "deploy"):
        shutil.copytree(ROOT / folder, context / folder, ignore=unwanted)
    shutil.copy(ROOT / ".dockerignore", context)
    for file in context.glob("services/*/Dockerfile"):
        os.utime(file, (0, 0))  # as an archive of the sources has it
    add_to_contracts(context / "libs/contracts/src/contracts")
    with alone(tmp_path_factory):
        return build(context, "test-next")


def add_to_contracts(folder: Path) -> None:
    """What a version may do to them: add."""
    addressed = "    job_id: UUID\n    customer_id: str\n    driver_id: str | None = None\n"
    _insert(folder / "events.py", addressed, '    zone: str | None = "north"\n')
    event = 'class JobAudited(JobEvent):\n    """Of the next version."""\n\n    type = "job.audited"\n\n\n'
    _insert(folder / "events.py", "EVENTS: tuple[", event)
    _insert(folder / "events.py", "    JobRetried,\n", "    JobAudited,\n")


def _insert(file: Path, before: str, what: str) -> None:
    text = file.read_text()
    assert text.count(before) == 1, (file, before)
    file.write_text(text.replace(before, what + before))


@pytest.fixture(scope="module")
async def house(
    engine: DockerClient, images: Images, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    """The whole house, from its images."""
    with alone(tmp_path_factory):
        async with fleet(engine, images, tmp_path_factory.mktemp("apns")) as running:
            yield running
