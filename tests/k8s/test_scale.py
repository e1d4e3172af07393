"""docs/operations/scale.md says what the manifests, the metrics and its own table of costs say."""

import re
from math import inf

import pytest
from bench.capacity import example, page
from bench.capacity.costs import SERVICES, Costs, read, rounded, table
from bench.capacity.deployed import K8S, Deployed, deployed

from contracts.streams import DISPATCH, STREAMS
from realtime.settings import Settings as EdgeSettings
from wire.settings import ServiceSettings

from .conftest import Manifests
from .exported import documented
from .test_autoscaling import lags
from .test_databases import connections
from .test_monitoring import OTHERS

TEXT = page.PAGE.read_text()
SERVICE = pytest.mark.parametrize("service", list(SERVICES))


def row(first: str) -> str:
    """The first line of a table that begins so."""
    return next(line for line in TEXT.splitlines() if line.startswith(f"| {first} | "))


def test_every_metric_on_the_page_is_exported() -> None:
    named = set(re.findall(r"`((?:waggle|nats|process)_\w+)", TEXT))
    assert named
    assert named <= documented() | OTHERS.keys()


@SERVICE
def test_the_page_has_what_the_autoscaler_looks_at_and_how_far(service: str) -> None:
    said, line = deployed(service), row(service)
    assert f"| {said.least}–{said.most} |" in line
    assert (f"{said.cores:g} cores a pod" in line) == (said.cores < inf)
    assert (f"{said.sockets:,.0f} `waggle_transports` a pod" in line) == (said.sockets < inf)


def test_the_page_has_every_lag_that_brings_pods(production: Manifests) -> None:
    found = list(lags(production))
    assert found
    for name, trigger in found:
        assert f'{{consumer="{trigger["consumer"]}"}}' in row(name)
        assert f"above {trigger['lagThreshold']} a pod" in row(name)


def test_the_page_has_the_bounds_that_hold(production: Manifests) -> None:
    (edge,) = production.of("Deployment")["realtime"]["spec"]["template"]["spec"]["containers"]
    (sockets,) = (int(one["value"]) for one in edge["env"] if one["name"] == "WAGGLE_MAX_SOCKETS")
    (tracking,) = (one for one in STREAMS if one.name == "TRACKING")
    pool = deployed("booking").connections
    address = EdgeSettings.model_fields["max_sockets_per_address"].default
    lanes = ServiceSettings.model_fields["consumer_lanes"].default
    for bound in (
        f"{sockets:,} sockets a pod of realtime",
        f"{address:,} sockets from one address",
        f"{pool} connections a pod to PostgreSQL, {connections(production)} in all",
        f"{lanes} events at once a pod",
        f"{DISPATCH.max_age.days} days or {DISPATCH.max_bytes >> 20:,} MiB of events",
        f"{tracking.max_age.days} day or {tracking.max_bytes >> 20:,} MiB of tracks",
    ):
        assert f"| {bound}" in TEXT
    assert "maxSize: 8Gi" in (K8S / "base/nats/values.yaml").read_text()


def test_the_example_follows_from_the_table_and_the_manifests() -> None:
    """Whoever changes a request, a limit or an autoscaler writes it anew: `python -m bench.capacity.page`."""
    assert page.filled(TEXT, read(TEXT)) == TEXT


def test_a_city_has_as_many_pods_as_its_sockets_and_its_work_need() -> None:
    costs: Costs = {
        "realtime_cores": {"at_rest": 0.1, "per_1000_drivers": 0.02},
        "booking_cores": {"at_rest": 0.1, "per_1000_drivers": 0.0, "per_100_orders_a_minute": 0.3},
    }
    city = example.City(drivers=10_000, jobs_an_hour=36_000, job_minutes=20)
    said = Deployed(2, 12, 0.1, 128, 384, 10, cores=0.6, sockets=inf)
    edge = Deployed(2, 12, 0.1, 128, 384, 0, cores=inf, sockets=6000)
    assert example.pods(costs, "realtime", city, edge) == 4  # 22,000 sockets
    assert example.pods(costs, "booking", city, said) == 4  # 600 orders a minute: 1.8 cores, 0.5 in each
    assert example.pods(costs, "booking", example.City(jobs_an_hour=60), said) == 2


def test_a_table_of_costs_is_read_as_it_was_written() -> None:
    figures = {f"{name}_at_rest": 0.01234 for name in ("booking_cores", "postgres_wal_kb")}
    figures["booking_cores_per_1000_drivers"] = 0.0049
    figures["nats_kb_out_per_1000_drivers"] = 12_345.6
    costs = rounded(figures)
    assert costs["booking_cores"] == {"at_rest": 0.012, "per_1000_drivers": 0.0}
    assert costs["postgres_wal_kb"] == {"at_rest": 0.0}
    assert costs["nats_kb_out"] == {"per_1000_drivers": 12_000}
    assert read(table(costs)) == costs
