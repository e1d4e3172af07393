"""Who decides how many pods there are, by what, and within which bounds."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import yaml

from contracts.streams import CONSUMERS
from realtime.metrics import TRANSPORTS
from stack.house import House
from stack.parts import parts
from wire.bootstrap import bootstrap

from .conftest import K8S, SERVICES, Manifests, Object

ADAPTER = K8S / "components/autoscaling/prometheus-adapter.yaml"


def scalers(manifests: Manifests) -> Iterator[tuple[str, int, int, Object]]:
    """(Deployment, min, max, behavior) of every autoscaler."""
    for one in manifests.of("HorizontalPodAutoscaler").values():
        spec = one["spec"]
        assert (spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["apiVersion"]) == (
            "Deployment",
            "apps/v1",
        )
        yield spec["scaleTargetRef"]["name"], spec["minReplicas"], spec["maxReplicas"], spec["behavior"]
    for one in manifests.of("ScaledObject").values():
        spec = one["spec"]
        behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        yield spec["scaleTargetRef"]["name"], spec["minReplicaCount"], spec["maxReplicaCount"], behavior


def most_of(manifests: Manifests) -> dict[str, int]:
    """Deployment → replicas at most; as it is written where nothing scales it."""
    written = {name: one["spec"].get("replicas", 1) for name, one in manifests.of("Deployment").items()}
    return written | {name: most for name, _, most, _ in scalers(manifests)}


def cpu(quantity: str) -> float:
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def lags(manifests: Manifests) -> Iterator[tuple[str, dict[str, str]]]:
    """(Deployment, trigger) of every trigger by consumer lag."""
    for name, one in manifests.of("ScaledObject").items():
        for trigger in one["spec"]["triggers"]:
            if trigger["type"] == "nats-jetstream":
                yield name, trigger["metadata"]


def test_each_service_has_one_autoscaler(production: Manifests) -> None:
    scaled = [name for name, *_ in scalers(production)]
    assert sorted(scaled) == sorted(SERVICES)
    assert set(production.of("HorizontalPodAutoscaler")) == {"booking", "realtime"}
    assert set(production.of("ScaledObject")) == {"matching", "push"}


def test_what_is_applied_again_does_not_take_back_what_an_autoscaler_decided(production: Manifests) -> None:
    for name in SERVICES:
        assert "replicas" not in production.of("Deployment")[name]["spec"], name


def test_a_service_keeps_a_pod_when_its_budget_lets_one_be_evicted(production: Manifests) -> None:
    for name, least, most, _ in scalers(production):
        budget = production.of("PodDisruptionBudget")[name]["spec"]
        assert most > least > budget["maxUnavailable"], name


def test_the_console_has_as_many_pods_as_is_written_for_files_need_no_more(production: Manifests) -> None:
    console = production.of("Deployment")["console"]["spec"]
    assert console["replicas"] > production.of("PodDisruptionBudget")["console"]["spec"]["maxUnavailable"]
    assert f"| console | {console['replicas']} |" in (K8S / "README.md").read_text()


def test_the_readme_says_between_which_bounds(production: Manifests) -> None:
    text = (K8S / "README.md").read_text()
    for name, least, most, _ in scalers(production):
        assert f"| {name} | {least}–{most} |" in text


def test_pods_come_quickly_and_go_one_by_one(production: Manifests) -> None:
    for name, _, _, behavior in scalers(production):
        up, down = behavior["scaleUp"], behavior["scaleDown"]
        assert up["stabilizationWindowSeconds"] <= 30, name
        assert down["stabilizationWindowSeconds"] >= 300, name
        (policy,) = down["policies"]
        assert (policy["type"], policy["value"]) == ("Pods", 1), name
        pod = production.of("Deployment")[name]["spec"]["template"]["spec"]
        assert policy["periodSeconds"] > pod["terminationGracePeriodSeconds"], name


def test_booking_grows_before_its_event_loop_is_full(production: Manifests) -> None:
    (metric,) = production.of("HorizontalPodAutoscaler")["booking"]["spec"]["metrics"]
    assert metric["resource"]["name"] == "cpu"
    assert cpu(metric["resource"]["target"]["averageValue"]) <= 0.7


def test_realtime_grows_by_the_sockets_that_its_limit_bounds(production: Manifests) -> None:
    (metric,) = production.of("HorizontalPodAutoscaler")["realtime"]["spec"]["metrics"]
    (container,) = production.of("Deployment")["realtime"]["spec"]["template"]["spec"]["containers"]
    (limit,) = [int(one["value"]) for one in container["env"] if one["name"] == "WAGGLE_MAX_SOCKETS"]
    (exported,) = TRANSPORTS.collect()
    assert (metric["type"], metric["pods"]["metric"]["name"]) == ("Pods", exported.name)
    assert int(metric["pods"]["target"]["averageValue"]) <= 0.6 * limit


def test_the_adapter_of_prometheus_serves_that_metric(production: Manifests) -> None:
    (rule,) = yaml.safe_load(ADAPTER.read_text())["rules"]["custom"]
    (metric,) = production.of("HorizontalPodAutoscaler")["realtime"]["spec"]["metrics"]
    wanted = metric["pods"]["metric"]["name"]
    assert rule["seriesQuery"].partition("{")[0] == rule["name"]["as"] == wanted
    assert rule["resources"]["overrides"].keys() == {"namespace", "pod"}


def test_matching_grows_by_its_work_too_for_positions_do_not_lag(production: Manifests) -> None:
    (trigger,) = [
        one for one in production.of("ScaledObject")["matching"]["spec"]["triggers"] if one["type"] == "cpu"
    ]
    assert trigger["metricType"] == "AverageValue"
    assert cpu(trigger["metadata"]["value"]) <= 0.7


def test_matching_and_push_grow_by_the_lag_of_consumers_of_their_own(production: Manifests) -> None:
    """Of a consumer that is not there KEDA takes the stream's last sequence for its lag."""
    declared = {(one.stream, one.durable) for one in CONSUMERS}
    for name, trigger in lags(production):
        assert (trigger["stream"], trigger["consumer"]) in declared
        assert trigger["consumer"].partition("-")[0] == name
        assert int(trigger["lagThreshold"]) > 0
    assert {name for name, _ in lags(production)} == {"matching", "push"}


def test_lag_is_asked_of_the_bus_of_the_same_namespace(production: Manifests) -> None:
    (namespace,) = production.of("Namespace")
    for _, trigger in lags(production):
        assert trigger["natsServerMonitoringEndpoint"] == f"nats-headless.{namespace}.svc:8222"


@pytest.fixture(scope="module")
async def bus() -> AsyncIterator[House]:
    """A server with every stream and consumer. It tells its figures."""
    async with parts() as house:
        await bootstrap(house.nats_url)
        yield house


async def test_the_server_tells_the_lag_that_is_asked_for(production: Manifests, bus: House) -> None:
    """As KEDA's scaler asks and reads it."""
    async with httpx.AsyncClient(base_url=bus.nats_monitor_url) as client:
        for _, trigger in lags(production):
            asked = {"acc": trigger["account"], "consumers": "true", "config": "true"}
            told: dict[str, Any] = (await client.get("/jsz", params=asked)).json()
            (account,) = [one for one in told["account_details"] if one["name"] == trigger["account"]]
            (stream,) = [one for one in account["stream_detail"] if one["name"] == trigger["stream"]]
            (consumer,) = [one for one in stream["consumer_detail"] if one["name"] == trigger["consumer"]]
            assert consumer["num_pending"] + consumer["num_ack_pending"] == 0
