"""Manifests as they are written (bases) and as kustomize renders them (bases, overlays)."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

K8S = Path(__file__).resolve().parents[2] / "deploy" / "k8s"
SERVICES = ("booking", "matching", "realtime", "push")
DEPLOYMENTS = (*SERVICES, "console")
"""What stays up: the services, and the console, which is files: it has no settings, metrics or autoscaler."""
BASES = tuple(f"base/{name}" for name in (*DEPLOYMENTS, "nats"))
COMPONENTS = tuple(sorted(path.parent.name for path in K8S.glob("components/*/kustomization.yaml")))
OPERATIONS = ("operations/booking-replay",)
"""Applied by hand, when a page of docs/operations says so."""
OVERLAYS = ("overlays/dev", "overlays/prod")

Object = dict[str, Any]


@dataclass(frozen=True)
class Manifests:
    """The objects of one kustomization."""

    folder: str
    objects: list[Object]

    def of(self, kind: str) -> dict[str, Object]:
        """By name."""
        return {one["metadata"]["name"]: one for one in self.objects if one["kind"] == kind}

    def workloads(self) -> Iterator[tuple[str, Object]]:
        """(what to call it, its pod template) of everything that runs pods."""
        for one in self.objects:
            if one["kind"] in {"Deployment", "StatefulSet", "Job"}:
                yield f"{one['kind']} {one['metadata']['name']}", one["spec"]["template"]

    def containers(self) -> Iterator[tuple[str, Object]]:
        """(what to call it, container)."""
        for name, template in self.workloads():
            for container in template["spec"]["containers"] + template["spec"].get("initContainers", []):
                yield f"{name}: {container['name']}", container


def written(folder: str) -> Manifests:
    """The files that a kustomization lists, untransformed: what can be checked on any machine."""
    kustomization = yaml.safe_load((K8S / folder / "kustomization.yaml").read_text())
    files = [(K8S / folder / name).read_text() for name in kustomization["resources"]]
    return Manifests(folder, [one for text in files for one in yaml.safe_load_all(text)])


def kustomize(folder: Path, *options: str) -> list[Object]:
    """What would be applied. Skips where there is no kubectl, which no Python wheel carries."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip(
            "kubectl is not on this machine, and comes neither as a wheel nor, recent enough, from Debian"
        )
    command = [kubectl, "kustomize", *options, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@cache
def rendered(folder: str) -> Manifests:
    """A folder of deploy/k8s."""
    return Manifests(folder, kustomize(K8S / folder))


@cache
def composed(*components: str) -> Manifests:
    """All bases with these components, as the overlay of an operator might have them."""
    lists = {
        "resources": [*BASES, "overlays/prod/namespace.yaml"],
        "components": [f"components/{name}" for name in components],
    }
    return _elsewhere(" + ".join(components), {"namespace": "waggle"}, lists)


@cache
def production_by_ingress() -> Manifests:
    """overlays/prod with the one line changed that its comment names."""
    text = (K8S / "overlays/prod/kustomization.yaml").read_text()
    assert text.count("components/gateway") == 1
    whole = yaml.safe_load(text.replace("components/gateway", "components/ingress"))
    lists = {
        key: [os.path.normpath(Path("overlays/prod", one)) for one in whole.pop(key)]
        for key in ("resources", "components")
    }
    return _elsewhere("overlays/prod by Ingress", whole, lists)


def _elsewhere(name: str, kustomization: Object, lists: dict[str, list[str]]) -> Manifests:
    """A kustomization outside the tree; `lists` are paths in deploy/k8s."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder).resolve()
        paths = {key: [os.path.relpath(K8S / one, here) for one in each] for key, each in lists.items()}
        (here / "kustomization.yaml").write_text(yaml.safe_dump({**kustomization, **paths}))
        return Manifests(name, kustomize(here, "--load-restrictor=LoadRestrictionsNone"))


@pytest.fixture(
    scope="session",
    params=[f"written {one}" for one in BASES]
    + [f"rendered {one}" for one in (*BASES, *OPERATIONS, *OVERLAYS)]
    + [f"composed {one}" for one in COMPONENTS],
)
def manifests(request: pytest.FixtureRequest) -> Manifests:
    """Every base as written and as rendered, every component upon the bases, every overlay."""
    how, name = request.param.split()
    if how == "written":
        return written(name)
    return rendered(name) if how == "rendered" else composed(name)


@pytest.fixture(scope="session", params=BASES)
def base(request: pytest.FixtureRequest) -> Manifests:
    """Every base as rendered."""
    return rendered(request.param)


@pytest.fixture(scope="session", params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> Manifests:
    """Every overlay as rendered."""
    return rendered(request.param)


@pytest.fixture(scope="session")
def production() -> Manifests:
    """overlays/prod as rendered."""
    return rendered("overlays/prod")
