"""The environment that the manifests give a service is one that the service takes."""

import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from wire.settings import ServiceSettings

from .conftest import Manifests, Object

SetEnvironment = Callable[[Mapping[str, str]], None]

SECRETS = {
    "algorithm": "ES256",
    "key": "k" * 40,
    "jwks-url": "https://issuer.example/keys",
    "url": "postgresql+asyncpg://role:password@host/database",
    "key-id": "KEYIDKEYID",
    "team-id": "TEAMIDTEAM",
}
"""What the keys of the secrets of deploy/k8s/README.md might hold."""


def environment(container: Object, left_out: str = "jwks-url") -> dict[str, str]:
    """`left_out`: the optional key of a secret that this one does not have."""
    made = {}
    for one in container["env"]:
        reference = one.get("valueFrom", {}).get("secretKeyRef", {})
        if reference.get("key") != left_out:
            made[one["name"]] = one["value"] if "value" in one else SECRETS[reference["key"]]
        else:
            assert reference["optional"], one["name"]
    return made


def settings_of(service: str) -> type[ServiceSettings]:
    found: type[ServiceSettings] = importlib.import_module(f"{service}.settings").Settings
    return found


def running(manifests: Manifests) -> Iterator[tuple[str, Object]]:
    """(service, container) of every container that runs a service or its migrations."""
    for one in manifests.of("Deployment").values():
        yield one["metadata"]["name"], one["spec"]["template"]["spec"]["containers"][0]
    for name, job in manifests.of("Job").items():
        if "-migrate" in name:
            yield name.partition("-")[0], job["spec"]["template"]["spec"]["containers"][0]


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> SetEnvironment:
    """Sets the whole of WAGGLE_ in the environment."""

    def set_environment(variables: Mapping[str, str]) -> None:
        for name in [name for name in os.environ if name.startswith("WAGGLE_")]:
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_environment


@pytest.mark.parametrize("left_out", ["jwks-url", "key"])
def test_a_service_starts_with_what_its_manifest_tells_it(
    manifests: Manifests, only: SetEnvironment, left_out: str
) -> None:
    """C1: the issuer's keys come from its key set, or one of them from the secret."""
    for service, container in running(manifests):
        variables = environment(container, left_out)
        only(variables)
        settings = settings_of(service)()
        for name in variables:
            assert hasattr(settings, name.removeprefix("WAGGLE_").lower()), f"{service} does not know {name}"


def test_what_is_secret_comes_by_reference(manifests: Manifests) -> None:
    for service, container in running(manifests):
        fields = settings_of(service).model_fields
        for one in container["env"]:
            field = fields[one["name"].removeprefix("WAGGLE_").lower()]
            if SecretStr in (field.annotation, *get_args(field.annotation)):
                assert "secretKeyRef" in one.get("valueFrom", {}), f"{service}: {one['name']}"
    for name, container in manifests.containers():
        for one in container.get("env", []):
            assert "PASSWORD" not in one["name"] or "valueFrom" in one, name


def test_files_that_a_service_is_told_to_read_are_mounted(manifests: Manifests) -> None:
    for service, container in running(manifests):
        mounts = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
        for name, value in environment(container).items():
            if name.endswith("_FILE"):
                assert str(Path(value).parent) in mounts, f"{service}: {name}"


def test_every_service_with_a_database_has_a_job_that_migrates_it(manifests: Manifests) -> None:
    jobs = {name: job for name, job in manifests.of("Job").items() if "-migrate" in name}
    migrated = {name.partition("-")[0]: job["spec"]["template"]["spec"] for name, job in jobs.items()}
    with_database = {}
    for name, deployment in manifests.of("Deployment").items():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        if any(one["name"] == "WAGGLE_DATABASE_URL" for one in container["env"]):
            with_database[name] = container
    assert migrated.keys() == with_database.keys()
    for name, pod in migrated.items():
        (job,) = pod["containers"]
        assert job["command"] == ["python", "-m", f"{name}.migrate"]
        assert job["image"] == with_database[name]["image"]
        assert [one for one in job["env"] if one["name"] == "WAGGLE_DATABASE_URL"] == [
            one for one in with_database[name]["env"] if one["name"] == "WAGGLE_DATABASE_URL"
        ]
