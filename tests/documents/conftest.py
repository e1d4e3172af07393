"""What the documents' commands are run against."""

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cluster.server import Cluster, cluster
from tests.cluster.workloads import Processes
from tests.k8s.conftest import K8S

from stack.house import House
from stack.running import running

from .shell import shell


class Done:
    """Everything that the manifests run succeeds at once."""

    async def run(self, pod: object, env: Mapping[str, str]) -> tuple[int, str]:
        """See `Processes`."""
        return 0, ""

    async def scale(self, name: str, replicas: int) -> None:
        """See `Processes`."""


@dataclass(frozen=True)
class Desk:
    """Where an operator sits: a copy of deploy/k8s, kubectl, and a cluster behind it."""

    cluster: Cluster
    folder: Path

    async def run(self, script: str, path: tuple[Path, ...] = (), **env: str) -> str:
        """What it printed. AssertionError if a line of it fails."""
        home = {"KUBECONFIG": str(self.cluster.config), "HOME": str(self.folder)}
        return await shell(script, cwd=self.folder, env=home | env, path=path)

    def change(self, file: str, before: str, after: str) -> None:
        """Edit a file of deploy/k8s, in which `before` is once."""
        path = self.folder / "deploy/k8s" / file
        text = path.read_text()
        assert text.count(before) == 1, (file, before)
        path.write_text(text.replace(before, after))


@asynccontextmanager
async def desk(folder: Path, processes: Processes) -> AsyncIterator[Desk]:
    """Skips where there is no kubectl, as tests/k8s does."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on this machine")
    shutil.copytree(K8S, folder / "deploy/k8s")
    async with cluster(folder, processes) as running:
        yield Desk(running, folder)


@pytest.fixture
async def operator(tmp_path: Path) -> AsyncIterator[Desk]:
    """On a cluster on which nothing is installed."""
    async with desk(tmp_path, Done()) as found:
        yield found


@pytest.fixture(scope="session")
async def small_house() -> AsyncIterator[House]:
    """Booking alone, with a real PostgreSQL and a real nats-server that knows every user."""
    async with running(services=("booking",), caddy=False, apns=False, durable=False) as house:
        yield house
        assert house.refused_on_bus() == []


@pytest.fixture
def one_place(request: pytest.FixtureRequest) -> None:
    """For commands that take long: they run with the images, and nowhere else."""
    if request.config.getoption("backend") != "containers":
        pytest.skip("takes long: --backend=containers")
