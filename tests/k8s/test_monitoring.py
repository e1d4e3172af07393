"""What Prometheus reads and warns of, and what Grafana draws: none of it of a metric that nobody exports."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import K8S, SERVICES, Manifests, Object, rendered
from .exported import OF_A_POD, documented, exported, matched_in, names_in

ROOT = Path(__file__).resolve().parents[2]
MONITORING = K8S / "components" / "monitoring"
OPERATIONS = ROOT / "docs" / "operations"
OTHERS = {
    "up": "Prometheus itself",
    "ALERTS": "Prometheus itself",
    "process_cpu_seconds_total": "prometheus_client",
    "process_resident_memory_bytes": "prometheus_client",
    "nats_varz_jetstream_stats_storage": "the NATS chart's exporter",
    "nats_varz_jetstream_config_max_storage": "the NATS chart's exporter",
    "nats_varz_slow_consumers": "the NATS chart's exporter",
    "kube_job_failed": "kube-state-metrics",
    "certmanager_certificate_expiration_timestamp_seconds": "cert-manager",
}
"""Series that we read and do not export."""


def rule_files() -> list[Path]:
    return sorted(MONITORING.glob("rules-*.yaml"))


def alerts() -> Iterator[Object]:
    for file in rule_files():
        for group in yaml.safe_load(file.read_text())["spec"]["groups"]:
            yield from group["rules"]


def dashboard() -> Any:
    return json.loads((MONITORING / "dashboard.json").read_text())


def expressions() -> Iterator[tuple[str, str]]:
    """(where, PromQL) of every alert and every panel."""
    for alert in alerts():
        yield alert["alert"], alert["expr"]
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def test_every_series_that_is_read_is_one_that_somebody_exports() -> None:
    read = {name for _, expr in expressions() for name in names_in(expr)}
    assert read - exported().keys() - OTHERS.keys() == set()
    assert OTHERS.keys() - read == set(), "no longer read"


def test_every_label_that_is_asked_for_is_one_that_the_series_has() -> None:
    for where, expr in expressions():
        for name, label in matched_in(expr):
            if name in exported():
                assert label in exported()[name] | OF_A_POD, f"{where}: {name} has no {label}"


def test_every_alert_says_how_bad_it_is_what_it_means_and_what_to_do() -> None:
    named = [alert["alert"] for alert in alerts()]
    assert len(named) == len(set(named))
    for alert in alerts():
        assert alert["labels"]["severity"] in {"warning", "critical"}, alert["alert"]
        assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}, alert["alert"]


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_alert_leads_to_its_runbook_and_every_runbook_to_an_alert() -> None:
    led_to = {tuple(alert["annotations"]["runbook_url"].split("#")) for alert in alerts()}
    assert {page for page, _ in led_to} == {"docs/operations/runbooks.md"}
    assert {anchor for _, anchor in led_to} <= anchors(OPERATIONS / "runbooks.md")
    written = set(re.findall(r"^## (.+)$", (OPERATIONS / "runbooks.md").read_text(), re.M))
    assert len(written) == len({anchor for _, anchor in led_to}), "a runbook that no alert leads to"


def test_the_table_of_metrics_has_each_that_is_exported_and_no_other() -> None:
    page = (OPERATIONS / "observability.md").read_text()
    rows = re.findall(r"^\| `(waggle_\w+)` \|", page, re.M)
    assert len(rows) == len(set(rows))
    assert set(rows) == documented()


def test_what_the_failure_modes_say_is_held_by_tests_that_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", (OPERATIONS / "failure-modes.md").read_text()))
    written = {
        name
        for folder in ("libs", "services", "tests")
        for file in (ROOT / folder).glob("**/test_*.py")
        for name in re.findall(r"def (test_\w+)", file.read_text())
    }
    assert named
    assert named - written == set()


def test_no_label_is_an_id() -> None:
    """Each value of a label is a time series for ever."""
    for name, labels in exported().items():
        assert not {label for label in labels if label.endswith("id") or label in {"job_id", "subject"}}, name


def test_the_dashboard_is_what_its_code_makes() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "deploy" / "dashboard.py"], capture_output=True, text=True, check=True
    )
    assert done.stdout == (MONITORING / "dashboard.json").read_text(), "run `just dashboard`"


def test_panels_lie_beside_each_other() -> None:
    taken = set[tuple[int, int]]()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + right, place["y"] + down)
            for right in range(place["w"])
            for down in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


@pytest.fixture(scope="session")
def component(tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    """The component on top of the four services, as an overlay has it."""
    folder = tmp_path_factory.mktemp("monitored")
    bases = [os.path.relpath(K8S / "base" / name, folder) for name in SERVICES]
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "waggle",
        "resources": bases,
        "components": [os.path.relpath(MONITORING, folder)],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return rendered(str(folder))


def test_the_pods_of_all_services_are_read_at_a_port_that_they_have(component: Manifests) -> None:
    (monitor,) = component.of("PodMonitor").values()
    (expression,) = monitor["spec"]["selector"]["matchExpressions"]
    assert set(expression["values"]) == set(SERVICES)
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    for name, one in component.of("Deployment").items():
        template = one["spec"]["template"]
        assert template["metadata"]["labels"][expression["key"]] == name
        (container, *_) = template["spec"]["containers"]
        assert endpoint["port"] in {port["name"] for port in container["ports"]}
        assert template["metadata"]["labels"][monitor["spec"]["jobLabel"]] == name


def test_grafana_finds_the_dashboard(component: Manifests) -> None:
    (found,) = [one for one in component.of("ConfigMap").values() if "dashboard.json" in one["data"]]
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(found["data"]["dashboard.json"]) == dashboard()


def cases() -> Any:
    return yaml.safe_load((Path(__file__).parent / "alerts.yaml").read_text())


def test_every_alert_has_been_made_to_fire_and_to_keep_quiet() -> None:
    assert set(cases()) == {alert["alert"] for alert in alerts()}
    for name, case in cases().items():
        assert {"fires", "quiet"} <= case.keys(), name
        for series in {**case["fires"], **case["quiet"]}:
            assert names_in(series) <= exported().keys() | OTHERS.keys(), series


@pytest.fixture(scope="session")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip(
            "promtool is not on this machine: it comes with Debian's package prometheus, and in no wheel"
            " that we know of"
        )
    return found


@pytest.fixture(scope="session")
def plain_rules(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The rules as files of Prometheus's own."""
    folder = tmp_path_factory.mktemp("rules")
    for file in rule_files():
        (folder / file.name).write_text(yaml.safe_dump(yaml.safe_load(file.read_text())["spec"]))
    return [str(one) for one in sorted(folder.iterdir())]


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_rules(promtool: str, plain_rules: list[str]) -> None:
    run(promtool, "check", "rules", "--lint-fatal", *plain_rules)


def unit_test(name: str, series: dict[str, str], minutes: int, *, fires: bool) -> dict[str, Any]:
    """In promtool's words: whether this alert fires after so many minutes of these series."""
    expected = [{"labels": "{}", "value": 1}] if fires else []
    firing = f'group(ALERTS{{alertname="{name}", alertstate="firing"}})'
    return {
        "name": f"{name} {'fires' if fires else 'keeps quiet'}",
        "interval": "1m",
        "input_series": [{"series": one, "values": str(values)} for one, values in series.items()],
        "promql_expr_test": [{"expr": firing, "eval_time": f"{minutes}m", "exp_samples": expected}],
    }


def test_each_alert_fires_when_it_should_and_only_then(
    promtool: str, plain_rules: list[str], tmp_path: Path
) -> None:
    tests = [
        unit_test(name, case[how], case.get("minutes", 30), fires=how == "fires")
        for name, case in cases().items()
        for how in ("fires", "quiet")
    ]
    file = tmp_path / "alerts.yaml"
    file.write_text(yaml.safe_dump({"rule_files": plain_rules, "evaluation_interval": "1m", "tests": tests}))
    run(promtool, "test", "rules", str(file))
