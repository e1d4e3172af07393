"""What `kubectl kustomize` makes of bases and overlays."""

import kubernetes_validate.utils as kubernetes  # type: ignore[import-untyped]
import pytest
from packaging.version import Version

from .conftest import Manifests, Object, rendered

KINDS_OF_A_BASE = {"Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "Job"}
GATEWAY_API = "gateway.networking.k8s.io/v1"
NEWEST = sorted(set(kubernetes.all_versions()), key=Version)[-3:]


@pytest.mark.parametrize("version", NEWEST)
def test_every_object_fits_the_schema_of_kubernetes(manifests: Manifests, version: str) -> None:
    for one in manifests.objects:
        if one["apiVersion"] != GATEWAY_API:  # not part of Kubernetes: its schema comes with its CRDs
            kubernetes.validate(one, version, strict=True)


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
    assert set(overlay.of("Deployment")) == {"booking", "matching", "realtime", "push"}
    jobs = {name.rpartition("-")[0] for name in overlay.of("Job")}
    assert jobs == {"booking-migrate", "matching-migrate", "push-migrate", "streams"}
    ((namespace, one),) = overlay.of("Namespace").items()
    assert one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [one for one in overlay.objects if one["kind"] != "Namespace"]
    assert {one["metadata"]["namespace"] for one in others} == {namespace}


def test_production_has_more_than_one_of_each_service(production: Manifests) -> None:
    replicas = {name: one["spec"]["replicas"] for name, one in production.of("Deployment").items()}
    assert all(count >= 2 for count in replicas.values()), replicas


def needed_secrets(manifests: Manifests) -> set[tuple[str, str]]:
    references = (
        one.get("valueFrom", {}) for _, container in manifests.containers() for one in container["env"]
    )
    secrets = [one["secretKeyRef"] for one in references if "secretKeyRef" in one]
    return {(one["name"], one["key"]) for one in secrets if not one.get("optional")}


def test_production_brings_no_secrets(production: Manifests) -> None:
    assert not production.of("Secret")
    assert ("waggle-jwt", "algorithm") in needed_secrets(production)


def test_development_brings_all_the_secrets_that_it_needs() -> None:
    development = rendered("overlays/dev")
    brought = {(name, key) for name, one in development.of("Secret").items() for key in one["data"]}
    assert needed_secrets(development) <= brought
    assert "push-apns" not in {volume.get("secret", {}).get("secretName") for volume in volumes(development)}


def volumes(manifests: Manifests) -> list[Object]:
    return [one for _, template in manifests.workloads() for one in template["spec"].get("volumes") or []]


def test_production_is_reached_by_https_only(production: Manifests) -> None:
    (gateway,) = production.of("Gateway").values()
    assert {one["protocol"] for one in gateway["spec"]["listeners"]} == {"HTTPS"}
