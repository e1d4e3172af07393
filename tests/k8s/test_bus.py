"""The values for the NATS chart fit what the streams declare and what one machine runs."""

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from contracts.nats_conf import key_variable
from contracts.permissions import USERS
from contracts.streams import STREAMS

from .conftest import BASES, OPERATIONS, SERVICES, composed, written

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
MIB = 1024**2

Values = dict[str, Any]


@pytest.fixture(scope="module")
def values() -> Values:
    values: Values = yaml.safe_load((DEPLOY / "k8s/base/nats/values.yaml").read_text())
    return values


@pytest.fixture(scope="module")
def local() -> str:
    return (DEPLOY / "local/nats.conf").read_text()


def mebibytes(quantity: str) -> int:
    return int(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]


def test_an_acknowledged_message_is_on_disk(values: Values, local: str) -> None:
    jetstream = values["config"]["jetstream"]
    assert jetstream["enabled"] is True
    assert jetstream["merge"]["sync_interval"] == "always"
    assert "sync_interval: always" in local


def test_the_stores_hold_what_the_streams_may_grow_to(values: Values) -> None:
    jetstream = values["config"]["jetstream"]
    on_disk = sum(stream.max_bytes for stream in STREAMS if not stream.in_memory) / MIB
    in_memory = sum(stream.max_bytes for stream in STREAMS if stream.in_memory) / MIB
    assert on_disk <= mebibytes(jetstream["fileStore"]["maxSize"])
    assert mebibytes(jetstream["fileStore"]["maxSize"]) < mebibytes(jetstream["fileStore"]["pvc"]["size"])
    assert in_memory <= mebibytes(jetstream["memoryStore"]["maxSize"])
    limits = values["container"]["merge"]["resources"]["limits"]
    assert mebibytes(jetstream["memoryStore"]["maxSize"]) * 2 <= mebibytes(limits["memory"])


def test_the_server_bounds_messages_and_slow_readers_as_on_one_machine(values: Values, local: str) -> None:
    merged = values["config"]["merge"]
    assert merged["max_payload"] == "<< 1MB >>"
    assert re.search(r"^max_payload: 1MB$", local, re.M)
    assert re.search(rf"^write_deadline: {merged['write_deadline']}$", local, re.M)


def test_pods_of_the_bus_may_do_no_more_than_they_need(values: Values) -> None:
    pod = values["podTemplate"]["merge"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in (values["container"]["merge"], values["reloader"]["merge"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"].keys() == {"requests", "limits"}


def test_the_streams_job_finds_the_bus_where_the_services_do() -> None:
    (job,) = written("base/nats").of("Job").values()
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["waggle-streams"]
    (booking,) = written("base/booking").of("Deployment").values()
    bus = [
        one for one in booking["spec"]["template"]["spec"]["containers"][0]["env"] if "NATS" in one["name"]
    ]
    assert container["env"] == with_seed_of("bootstrap", bus)


def with_seed_of(user: str, variables: list[Any]) -> list[Any]:
    """The same for another user of the bus."""
    return [yaml.safe_load(yaml.safe_dump(one).replace("booking-nats", f"{user}-nats")) for one in variables]


def test_every_user_of_the_bus_has_a_key_that_the_server_knows_and_a_seed_of_its_own(values: Values) -> None:
    known = {name for name in values["container"]["env"] if name.startswith("WAGGLE_NATS_NKEY_")}
    assert known == {key_variable(user) for user in USERS}
    for name in known:
        assert values["container"]["env"][name]["valueFrom"]["configMapKeyRef"]["key"] == name
    seeds = {}
    for folder in (*BASES, *OPERATIONS):
        for _, container in written(folder).containers():
            for one in container.get("env", []):
                if one["name"] == "WAGGLE_NATS_NKEY_SEED":
                    seeds[container["name"]] = one["valueFrom"]["secretKeyRef"]["name"]
    assert seeds == {
        **{user: f"{user}-nats" for user in SERVICES},
        "streams": "bootstrap-nats",
        "replay": "recovery-nats",
    }


def test_the_server_reads_the_generated_permissions(values: Values) -> None:
    (mount,) = [one["value"] for one in values["container"]["patch"]]
    (volume,) = [one["value"] for one in values["podTemplate"]["patch"]]
    assert mount["name"] == volume["name"]
    declared = PurePosixPath("/etc/nats-config") / values["config"]["merge"]["$include"]
    assert os.path.normpath(declared) == f"{mount['mountPath']}/permissions.conf"
    kustomization = yaml.safe_load((DEPLOY / "k8s/base/nats/kustomization.yaml").read_text())
    (generated,) = kustomization["configMapGenerator"]
    assert (generated["name"], generated["files"]) == (volume["configMap"]["name"], ["permissions.conf"])


def test_the_bus_speaks_tls_first_where_services_expect_it() -> None:
    """Component and values belong together: one without the other is a bus that nobody reaches."""
    tls = yaml.safe_load((DEPLOY / "k8s/components/bus-tls/values.yaml").read_text())["config"]["nats"]["tls"]
    assert tls["enabled"] is True
    assert tls["merge"] == {"handshake_first": True}
    for _, container in composed("bus-tls").containers():
        bus = {one["name"]: one for one in container.get("env", []) if "NATS" in one["name"]}
        if bus:
            assert bus["WAGGLE_NATS_URL"]["value"] == "tls://nats:4222"
            assert bus["WAGGLE_NATS_CA"]["valueFrom"]["secretKeyRef"] == {"name": "nats-ca", "key": "ca.crt"}
