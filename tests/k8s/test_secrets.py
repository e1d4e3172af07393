"""What is secret is referred to, and is not in the tree."""

import re

import pytest
import yaml

from .conftest import K8S, Manifests

FILES = [one.relative_to(K8S).as_posix() for one in sorted(K8S.rglob("*")) if one.is_file()]
LOOKS_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\beyJ[\w-]{20,}|\bS[OAUNC][A-Z2-7]{54,}\b|\bAKIA[A-Z0-9]{16}\b"
)
"""Private keys in PEM, JSON Web Tokens, NATS seeds, keys of a cloud."""
NAMED_SECRET = ("PASSWORD", "SECRET", "TOKEN", "CREDENTIALS", "SEED", "JWT_KEY", "DATABASE_URL")


@pytest.mark.parametrize("file", FILES)
def test_nothing_secret_is_in_the_tree(file: str) -> None:
    assert not LOOKS_SECRET.search((K8S / file).read_text())


def test_only_development_brings_secrets_and_says_that_they_are_none() -> None:
    for file in FILES:
        if not file.endswith(".yaml") or file.startswith("overlays/dev/"):
            continue
        for one in yaml.safe_load_all((K8S / file).read_text()):
            assert not isinstance(one, dict) or one.get("kind") != "Secret", file
            assert not isinstance(one, dict) or "secretGenerator" not in one, file
    assert "secrets that are no" in (K8S / "overlays/dev/kustomization.yaml").read_text()


def test_a_secret_goes_into_a_variable_or_a_file_by_reference(manifests: Manifests) -> None:
    for name, container in manifests.containers():
        for one in container.get("env", []):
            if any(word in one["name"] for word in NAMED_SECRET) and not one["name"].endswith("_FILE"):
                assert one["valueFrom"].keys() == {"secretKeyRef"}, f"{name}: {one['name']}"


def test_files_that_hold_secrets_are_readable_by_the_service_alone(manifests: Manifests) -> None:
    for name, template in manifests.workloads():
        for volume in template["spec"].get("volumes") or []:
            if "secret" in volume and name.startswith("Deployment"):
                assert volume["secret"]["defaultMode"] == 0o440, name
                assert template["spec"]["securityContext"]["fsGroup"] > 0, name


def test_every_secret_that_is_referred_to_is_told_of(production: Manifests) -> None:
    readme = (K8S / "README.md").read_text()
    for name, container in production.containers():
        for one in container.get("env", []):
            reference = one.get("valueFrom", {}).get("secretKeyRef")
            if reference:
                assert f"`{reference['name']}`" in readme, name
                assert f"`{reference['key']}`" in readme, f"{name}: {reference}"
