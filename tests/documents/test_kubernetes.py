"""deploy/k8s/README.md: its commands, run by kubectl on a stand-in for the cluster."""

from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.kinds import Object
from tests.cluster.store import Store
from tests.k8s.conftest import rendered

from conftest import Backend
from contracts.nats_conf import key_variable
from contracts.permissions import USERS
from wire import keys

from .conftest import Desk, desk
from .pods import run_here
from .written import ROOT, commands

FILLED = {"gateway": "gateway-system", "prometheus": "monitoring", "keda": "keda"}
HELM = f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec python -m tests.documents.helm "$@"\n'


class Jobs:
    """The Jobs are run; the Deployments' pods are only said to be there."""

    def __init__(self, nats_url: str) -> None:
        self.nats_url = nats_url
        self.ended: list[int] = []

    async def run(self, pod: Any, env: Mapping[str, str]) -> tuple[int, str]:
        """See `Processes`."""
        status, output = await run_here(pod, env, self.nats_url)
        self.ended.append(status)
        return status, output

    async def scale(self, name: str, replicas: int) -> None:
        """See `Processes`."""


def of(store: Store, kind: str) -> dict[str, Object]:
    """Every object of this kind, by its name."""
    return {key[2]: one for key, one in store.objects.items() if key[0].name == kind}


def helm(folder: Path) -> Path:
    """A folder with the stand-in for it."""
    program = folder / "bin/helm"
    program.parent.mkdir()
    program.write_text(HELM)
    program.chmod(0o755)
    return program.parent


async def databases(at: Desk, backend: Backend) -> None:
    """The secrets that come from the operator's PostgreSQL, each of a database of its own."""
    for service in ("booking", "matching", "push"):
        url = await backend.fresh_database()
        literal = f"--from-literal=url='{url}'"
        await at.run(f"kubectl create secret generic {service}-database --namespace waggle {literal}")


@pytest.mark.timeout(240)
async def test_an_installation_by_the_page_is_whole(backend: Backend, tmp_path: Path) -> None:
    """The keys fit, the labels are those that the network policies look for, and the Jobs do their work."""
    jobs = Jobs(backend.nats_url)
    async with desk(tmp_path, jobs) as operator:
        keys.write(tmp_path / "keys")
        for name in FILLED.values():
            await operator.run(f"kubectl create namespace {name}")
        for block in commands("tests/documents/test_kubernetes.py::installation", **FILLED):
            await operator.run(block, (helm(tmp_path),) if "helm " in block else ())
        await databases(operator, backend)
        await operator.run(
            "kubectl wait job --all --for=condition=complete --namespace waggle --timeout=100s"
        )
        store = operator.cluster.store
    assert jobs.ended == [0, 0, 0, 0]
    wanted = {(one["kind"], one["metadata"]["name"]) for one in rendered("overlays/prod").objects}
    assert wanted <= {(key[0].name, key[2]) for key in store.objects}
    assert granted(store) == {key_variable(user): public_key(store, user) for user in USERS}
    assert looked_for(store) <= {label for one in of(store, "Namespace").values() for label in labels(one)}


def granted(store: Store) -> Object:
    """What nats-server is told of the users' keys."""
    data: Object = of(store, "ConfigMap")["nats-keys"]["data"]
    return data


def public_key(store: Store, user: str) -> str:
    seed = b64decode(of(store, "Secret")[f"{user}-nats"]["data"]["seed"])
    return keys.public_key(seed.decode())


def labels(one: Object) -> set[tuple[str, str]]:
    return set(one["metadata"].get("labels", {}).items())


def looked_for(store: Store) -> set[tuple[str, str]]:
    """The labels of namespaces that network policies name; Kubernetes' own are there by themselves."""
    found = set()
    for policy in of(store, "NetworkPolicy").values():
        for rule in policy["spec"].get("ingress", []) + policy["spec"].get("egress", []):
            for peer in rule.get("from", []) + rule.get("to", []):
                found |= set(peer.get("namespaceSelector", {}).get("matchLabels", {}).items())
    return {one for one in found if one[0] != "kubernetes.io/metadata.name"}


async def test_a_service_is_rolled_out_and_no_other_is_touched(operator: Desk) -> None:
    await operator.run("kubectl apply -k deploy/k8s/overlays/prod")
    before = len(operator.cluster.store.changes)
    for service in ("matching", "booking"):  # the other's is ready as well, and not meant
        operator.change(f"base/{service}/kustomization.yaml", "newTag: 0.1.0", "newTag: 0.2.0")
    for block in commands("tests/documents/test_kubernetes.py::one_service"):
        await operator.run(block)
    changed = operator.cluster.store.changes[before:]
    assert {"Deployment", "Job"} <= {one.kind.name for one in changed}
    assert {one.object["metadata"]["labels"]["app.kubernetes.io/name"] for one in changed} <= {
        "matching",
        "matching-migrate",
    }
    (container,) = of(operator.cluster.store, "Deployment")["matching"]["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["image"] == "registry.example.com/waggle/matching:0.2.0"


async def test_a_version_s_schema_is_there_before_its_pods(operator: Desk) -> None:
    await operator.run("kubectl apply -k deploy/k8s/overlays/prod")
    await operator.run(
        "kubectl create secret generic booking-database --namespace waggle --from-literal=url=any"
    )
    before = len(operator.cluster.store.changes)
    operator.change("base/booking/kustomization.yaml", "newTag: 0.1.0", "newTag: 0.2.0")
    for block in commands("tests/documents/test_kubernetes.py::migration"):
        await operator.run(block)
    changed = [
        (one.kind.name, one.object["metadata"]["name"], "status" in one.object)
        for one in operator.cluster.store.changes[before:]
    ]
    migrated = changed.index(("Job", "booking-migrate-0.2.0", True))
    rolled_out = next(at for at, one in enumerate(changed) if one[:2] == ("Deployment", "booking"))
    assert migrated < rolled_out
