"""Manifests as they are written (bases) and as kustomize renders them (bases, overlays)."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

K8S = Path(__file__).resolve().parents[2] / "deploy" / "k8s"
SERVICES = ("booking", "matching", "realtime", "push")
BASES = tuple(f"base/{name}" for name in (*SERVICES, "nats"))
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


@cache
def rendered(folder: str) -> Manifests:
    """What would be applied. Skips where there is no kubectl, which no Python wheel carries."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip(
            "kubectl is not on this machine, and comes neither as a wheel nor, recent enough, from Debian"
        )
    command = [kubectl, "kustomize", str(K8S / folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Manifests(folder, list(yaml.safe_load_all(done.stdout)))


@pytest.fixture(
    scope="session", params=[f"written {one}" for one in BASES] + [f"rendered {one}" for one in OVERLAYS]
)
def manifests(request: pytest.FixtureRequest) -> Manifests:
    """Every base as written, every overlay as rendered."""
    how, folder = request.param.split()
    return written(folder) if how == "written" else rendered(folder)


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
