"""Commands that stand in a document's sentences, each run as it stands there."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .conftest import Desk, Done, desk
from .shell import shell
from .test_inventory import spoken
from .written import fill

FILLED = {"service": "matching", "name": "booking-migrate-0.1.0"}
CHANGED = "sed -i s/replicas/replicas/"
"""An editor in whose hands nothing changes."""


def beginning(*words: str) -> list[str]:
    """The commands that begin so, each once."""
    return sorted({command for _, command in spoken() if command.startswith(words)})


BY_ITSELF = beginning("kubectl apply -k deploy/k8s/base/")


@pytest.fixture(scope="module")
async def lived_in(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """An installation that had another version before, in the namespace `waggle`."""
    async with desk(tmp_path_factory.mktemp("desk"), Done()) as found:
        await found.run("kubectl apply -k deploy/k8s/overlays/prod")
        found.change("base/matching/kustomization.yaml", "newTag: 0.1.0", "newTag: 0.2.0")
        await found.run("kubectl apply -k deploy/k8s/overlays/prod")
        await found.run("kubectl config set-context --current --namespace waggle")
        yield found


@pytest.mark.parametrize("command", [one for one in beginning("kubectl ") if one not in BY_ITSELF])
async def test_kubectl_takes_it(lived_in: Desk, command: str) -> None:
    await lived_in.run(fill(command, FILLED), KUBE_EDITOR=CHANGED)


@pytest.mark.parametrize("command", BY_ITSELF)
async def test_a_service_is_deployed_by_itself(operator: Desk, command: str) -> None:
    """Into a namespace that has nothing."""
    await operator.run(
        "kubectl create namespace alone && kubectl config set-context --current --namespace alone"
    )
    await operator.run(command)
    assert await operator.run("kubectl get deployment -o name") == "deployment.apps/matching\n"


@pytest.mark.parametrize("command", beginning("just ", "uv run just "))
async def test_just_has_it(command: str) -> None:
    """By --dry-run: what it stands for takes minutes, or is what runs this."""
    arguments = fill(command, FILLED).removeprefix("uv run ").removeprefix("just ")
    assert await shell(f"just --dry-run {arguments}")


async def test_replicas_stay_as_they_are_when_autoscaling_comes(tmp_path: Path) -> None:
    """deploy/k8s/README.md, Sizes: what was applied last is edited before, or each goes to one pod."""
    (command,) = beginning("kubectl apply edit-last-applied")
    async with desk(tmp_path, Done()) as operator:
        operator.change("overlays/prod/kustomization.yaml", "  - ../../components/autoscaling\n", "")
        await operator.run("kubectl apply -k deploy/k8s/overlays/prod")
        await operator.run(fill(command, FILLED), KUBE_EDITOR="sed -i /replicas:/d")
        operator.change(
            "overlays/prod/kustomization.yaml",
            "  - ../../components/tls\n",
            "  - ../../components/tls\n  - ../../components/autoscaling\n",
        )
        await operator.run("kubectl apply -k deploy/k8s/overlays/prod")
        columns = "NAME:metadata.name,REPLICAS:spec.replicas"
        found = await operator.run(f"kubectl get deployment -n waggle -o custom-columns={columns}")
    counts = dict(line.split() for line in found.splitlines()[1:])
    assert counts["matching"] == "2"
    assert counts["booking"] == "<none>", "which goes to one pod, for nobody has edited it"
