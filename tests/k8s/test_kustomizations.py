"""What `kubectl kustomize` makes of bases and overlays."""

import json
import re

import pytest

from .conftest import DEPLOYMENTS, Manifests, composed, rendered
from .schemas import CRDS, NEWEST, Object, check, faults, kind

KINDS_OF_A_BASE = {"Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "Job", "ConfigMap"}


@pytest.mark.parametrize("version", NEWEST)
def test_every_object_fits_the_schema_of_kubernetes(manifests: Manifests, version: str) -> None:
    for one in manifests.objects:
        if kind(one) not in CRDS:
            check(json.dumps(one), version)


def test_every_object_that_kubernetes_does_not_know_fits_the_schema_here(manifests: Manifests) -> None:
    """tests/k8s/crds.yaml, for kubernetes-validate carries none of CRDs."""
    for one in manifests.objects:
        if kind(one) in CRDS:
            assert not faults(one), (kind(one), one["metadata"]["name"])


@pytest.mark.parametrize("component", ["gateway", "tls", "autoscaling"])
def test_the_schema_here_finds_a_key_that_is_spelt_wrong_wherever_it_is(component: str) -> None:
    ours = [one for one in composed(component).objects if kind(one) in CRDS]
    assert ours
    for one in ours:
        text = json.dumps(one["spec"])
        for key in sorted(set(re.findall(r'"(\w+)": ', text))):
            misspelt = json.loads(text.replace(f'"{key}": ', f'"{key}x": '))
            assert faults({**one, "spec": misspelt}), (kind(one), key)


def test_a_base_deploys_its_own_service_alone(base: Manifests) -> None:
    name = base.folder.partition("/")[2]
    assert set(base.of("Deployment")) == ({name} if name != "nats" else set())
    assert {one["kind"] for one in base.objects} <= KINDS_OF_A_BASE
    for one in base.objects:
        assert one["metadata"]["labels"]["app.kubernetes.io/part-of"] == "waggle"
        assert "namespace" not in one["metadata"]


def test_every_image_has_a_version(overlay: Manifests) -> None:
    for name, container in overlay.containers():
        _, _, tag = container["image"].rpartition("/")[2].partition(":")
        assert tag not in {"", "latest"}, name


def test_each_version_has_jobs_of_its_own_for_a_job_cannot_be_changed(overlay: Manifests) -> None:
    for name, job in overlay.of("Job").items():
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert name.endswith("-" + container["image"].rpartition(":")[2])
        assert job["spec"]["ttlSecondsAfterFinished"] > 0


def test_an_overlay_brings_all_into_a_namespace_that_refuses_unrestricted_pods(
    overlay: Manifests,
) -> None:
    assert set(overlay.of("Deployment")) == set(DEPLOYMENTS)
    jobs = {name.rpartition("-")[0] for name in overlay.of("Job")}
    assert jobs == {"booking-migrate", "matching-migrate", "push-migrate", "streams"}
    ((namespace, one),) = overlay.of("Namespace").items()
    assert one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [one for one in overlay.objects if one["kind"] != "Namespace"]
    assert {one["metadata"]["namespace"] for one in others} == {namespace}


def test_what_replays_is_the_image_that_goes_on_afterwards(production: Manifests) -> None:
    (_, replay), (_, service) = (
        next(one for one in of.containers() if one[0].startswith(name))
        for of, name in (
            (rendered("operations/booking-replay"), "Job booking-replay"),
            (production, "Deployment booking"),
        )
    )
    assert replay["image"] == service["image"]


def needed_secrets(manifests: Manifests) -> set[tuple[str, str]]:
    references = (
        one.get("valueFrom", {})
        for _, container in manifests.containers()
        for one in container.get("env", [])
    )
    secrets = [one["secretKeyRef"] for one in references if "secretKeyRef" in one]
    return {(one["name"], one["key"]) for one in secrets if not one.get("optional")}


def test_production_brings_no_secrets(production: Manifests) -> None:
    assert not production.of("Secret")
    assert ("waggle-jwt", "algorithm") in needed_secrets(production)


def test_development_brings_all_the_secrets_that_it_needs() -> None:
    development = rendered("overlays/dev")
    brought = {(name, key) for name, one in development.of("Secret").items() for key in one["data"]}
    keys = {(name, key) for name, key in needed_secrets(development) if name.endswith("-nats")}
    assert needed_secrets(development) - keys <= brought, (
        "keys of the bus are made anew for each installation"
    )
    mounted = {volume.get("secret", {}).get("secretName") for volume in volumes(development)}
    assert not {"push-apns", "push-fcm"} & mounted


def volumes(manifests: Manifests) -> list[Object]:
    return [one for _, template in manifests.workloads() for one in template["spec"].get("volumes") or []]
