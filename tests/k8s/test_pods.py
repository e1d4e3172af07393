"""What every pod owes the cluster that it runs in."""

import re
from pathlib import Path

from .conftest import SERVICES, Manifests, Object

CADDYFILE = Path(__file__).resolve().parents[2] / "clients" / "console" / "Caddyfile"
OWN_DRAINS = 2
"""HTTP has WAGGLE_DRAIN_SECONDS to end, and NATS after it (libs/wire, run and connection)."""


PROBED = ("/readyz", "/livez", 8000)
PROBED_CONSOLE = ("/healthz", "/healthz", 8080)
"""Nothing that it could wait for, so to be ready is to be alive."""


def test_no_pod_may_do_more_than_it_needs(manifests: Manifests) -> None:
    for name, template in manifests.workloads():
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name
    for name, container in manifests.containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name


def test_no_pod_holds_a_token_for_the_api_server(manifests: Manifests) -> None:
    for name, template in manifests.workloads():
        assert template["spec"]["automountServiceAccountToken"] is False, name
        assert template["spec"]["enableServiceLinks"] is False, name
    for name, account in manifests.of("ServiceAccount").items():
        assert account["automountServiceAccountToken"] is False, name


def test_every_container_says_what_it_takes_at_least_and_at_most(manifests: Manifests) -> None:
    for name, container in manifests.containers():
        for bound in ("requests", "limits"):
            assert {"cpu", "memory"} == container["resources"][bound].keys(), name


def test_every_service_runs_as_an_account_of_its_own(manifests: Manifests) -> None:
    accounts = manifests.of("ServiceAccount")
    for name, deployment in manifests.of("Deployment").items():
        assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == name
        assert name in accounts


def test_a_roll_out_takes_no_pod_before_its_successor_is_ready(manifests: Manifests) -> None:
    for name, deployment in manifests.of("Deployment").items():
        rolling = deployment["spec"]["strategy"]["rollingUpdate"]
        assert rolling["maxUnavailable"] == 0, name
        assert rolling["maxSurge"] >= 1, name


def seconds_to_end(name: str, container: Object) -> float:
    """What it takes at most once it has been told to end."""
    if name not in SERVICES:
        (grace,) = re.findall(r"grace_period (\d+)s", CADDYFILE.read_text())
        return float(grace)
    (drain,) = [float(one["value"]) for one in container["env"] if one["name"] == "WAGGLE_DRAIN_SECONDS"]
    return OWN_DRAINS * drain


def test_a_pod_that_leaves_has_time_to_drain(manifests: Manifests) -> None:
    for name, deployment in manifests.of("Deployment").items():
        pod = deployment["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        stop = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert stop >= 3, name
        assert pod["terminationGracePeriodSeconds"] > stop + seconds_to_end(name, container), name


def test_probes_ask_for_readiness_and_for_life(manifests: Manifests) -> None:
    for name, deployment in manifests.of("Deployment").items():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        asked = {
            probe: container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "readiness", "liveness")
        }
        ready, live, port = PROBED if name in SERVICES else PROBED_CONSOLE
        assert asked["startup"] == asked["readiness"] == {"path": ready, "port": "http"}, name
        assert asked["liveness"] == {"path": live, "port": "http"}, name
        assert container["ports"] == [{"name": "http", "containerPort": port}], name


def test_a_service_that_waits_for_others_is_left_to_wait(manifests: Manifests) -> None:
    for name in manifests.of("Deployment").keys() & set(SERVICES):
        (container,) = manifests.of("Deployment")[name]["spec"]["template"]["spec"]["containers"]
        startup = container["startupProbe"]
        assert startup["periodSeconds"] * startup["failureThreshold"] >= 120, name


def test_replicas_are_spread_over_zones_and_nodes_where_that_can_be(manifests: Manifests) -> None:
    for name, deployment in manifests.of("Deployment").items():
        spreads = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert [one["topologyKey"] for one in spreads] == [
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        ], name
        for one in spreads:
            assert (one["maxSkew"], one["whenUnsatisfiable"]) == (1, "ScheduleAnyway"), name
            assert one["labelSelector"] == deployment["spec"]["selector"], name


def test_every_deployment_has_a_disruption_budget_that_lets_a_node_be_drained(manifests: Manifests) -> None:
    budgets = manifests.of("PodDisruptionBudget")
    for name, deployment in manifests.of("Deployment").items():
        assert budgets[name]["spec"]["maxUnavailable"] == 1
        assert budgets[name]["spec"]["selector"] == deployment["spec"]["selector"]


def test_a_job_ends_one_way_or_the_other_and_is_tidied_up(manifests: Manifests) -> None:
    for name, job in manifests.of("Job").items():
        spec = job["spec"]
        assert 1 <= spec["backoffLimit"] <= 10, name
        assert 60 <= spec["activeDeadlineSeconds"] <= 3600, name
        assert spec["ttlSecondsAfterFinished"] >= 600, name
        assert spec["template"]["spec"]["restartPolicy"] in {"OnFailure", "Never"}, name


def test_a_service_sends_requests_to_its_own_pods_only(manifests: Manifests) -> None:
    templates = dict(manifests.workloads())
    for name, service in manifests.of("Service").items():
        wanted = service["spec"]["selector"].items()
        chosen = [
            one for one, template in templates.items() if wanted <= template["metadata"]["labels"].items()
        ]
        assert chosen in ([f"Deployment {name}"], [f"StatefulSet {name}"])
    assert manifests.of("Deployment").keys() <= manifests.of("Service").keys()
