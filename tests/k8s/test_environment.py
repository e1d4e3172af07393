"""The environment that the manifests give a service is one that the service takes."""

import importlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from wire.migrate import Target
from wire.settings import ServiceSettings

from .conftest import SERVICES, Manifests, Object

EDGE = Path(__file__).resolve().parents[2] / "docs/reports/edge.md"

SetEnvironment = Callable[[Mapping[str, str]], None]

SECRETS = {
    "algorithm": "ES256",
    "key": "k" * 40,
    "jwks-url": "https://issuer.example/keys",
    "url": "postgresql+asyncpg://role:password@host/database",
    "ca.crt": "-----BEGIN CERTIFICATE-----",
    "seed": "SU" + 56 * "A",
    "key-id": "KEYIDKEYID",
    "team-id": "TEAMIDTEAM",
    "project-id": "waggle-production",
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


def settings_of(what: str) -> type[ServiceSettings | Target]:
    """`what`: a service, or `<service>-migrate`."""
    if what.endswith("-migrate"):
        return Target
    found: type[ServiceSettings] = importlib.import_module(f"{what}.settings").Settings
    return found


def running(manifests: Manifests) -> Iterator[tuple[str, Object]]:
    """(service or `<service>-migrate`, container) of all that run a service or its migrations."""
    for name, one in manifests.of("Deployment").items():
        if name in SERVICES:
            yield name, one["spec"]["template"]["spec"]["containers"][0]
    for name, job in manifests.of("Job").items():
        if "-migrate" in name:
            service = name.partition("-")[0]
            yield f"{service}-migrate", job["spec"]["template"]["spec"]["containers"][0]


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
    services = {name: one for name, one in running(manifests) if not name.endswith("-migrate")}
    with_database = {
        name: container
        for name, container in services.items()
        if any(one["name"] == "WAGGLE_DATABASE_URL" for one in container["env"])
    }
    assert migrated.keys() == with_database.keys()
    for name, pod in migrated.items():
        (job,) = pod["containers"]
        assert job["command"] == ["python", "-m", f"{name}.migrate"]
        assert job["image"] == with_database[name]["image"]
        assert [one for one in job["env"] if one["name"] == "WAGGLE_DATABASE_URL"] == [
            one for one in with_database[name]["env"] if one["name"] == "WAGGLE_DATABASE_URL"
        ]


def test_a_migration_is_told_of_its_database_and_nothing_else(manifests: Manifests) -> None:
    for name, container in running(manifests):
        if name.endswith("-migrate"):
            assert {one["name"] for one in container["env"]} == {
                f"WAGGLE_{field.upper()}" for field in Target.model_fields
            }


def told(manifests: Manifests, service: str) -> dict[str, str]:
    container = dict(running(manifests))[service]
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}


def test_clients_are_told_apart_by_what_the_gateway_says_of_them(production: Manifests) -> None:
    """Gateways have addresses of the cluster; no client of the internet has one."""
    believed = [ip_network(one) for one in json.loads(told(production, "realtime")["WAGGLE_TRUSTED_PROXIES"])]
    for address in ("10.1.2.3", "172.16.0.9", "192.168.0.9", "100.64.0.9", "fd00::9"):
        assert any(ip_address(address) in network for network in believed), address
    assert not any(
        ip_address(one) in network for one in ("203.0.113.7", "2001:db8::7") for network in believed
    )


def test_sockets_need_no_sticky_sessions(manifests: Manifests) -> None:
    """Nobody may poll, so no second request has to find the first one's pod."""
    if "realtime" in dict(running(manifests)):
        assert told(manifests, "realtime")["WAGGLE_POLLING"] == "false"
    for one in manifests.objects:
        assert "sessionAffinity" not in one.get("spec", {})
        assert "sessionPersistence" not in str(one.get("spec"))


def test_those_who_are_sent_away_come_no_faster_than_another_edge_takes_them(production: Manifests) -> None:
    """`connects` of docs/reports/edge.md. When there are two edges, all come to one."""
    variables = told(production, "realtime")
    (connects,) = re.findall(r"`connects_vs_node` \| ([\d,]+) /s", EDGE.read_text())
    sent = int(variables["WAGGLE_MAX_SOCKETS"]) / float(variables["WAGGLE_DRAIN_SPREAD_SECONDS"])
    assert sent <= 0.6 * int(connects.replace(",", ""))
    assert 2 * float(variables["WAGGLE_DRAIN_SPREAD_SECONDS"]) <= float(variables["WAGGLE_DRAIN_SECONDS"])
