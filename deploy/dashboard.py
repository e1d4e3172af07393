"""Grafana's dashboard, as code: `just dashboard` writes deploy/k8s/components/monitoring/dashboard.json.

From top to bottom it follows an order: is anything wrong, what customers wait for, who could drive, how it
goes through the bus, where each service spends its time, what reaches sockets and phones.
"""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

TARGET = Path(__file__).parent / "k8s/components/monitoring/dashboard.json"
ACROSS, HEIGHT = 24, 7
EVERY = "$__rate_interval"


class Panel(NamedTuple):
    """`queries`: legend → PromQL. `about` stands behind the panel's (i)."""

    title: str
    unit: str
    queries: dict[str, str]
    about: str = ""
    width: int = 8
    kind: str = "timeseries"


def rate(metric: str, by: str, where: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{where}[{EVERY}]))"


def quantiles(metric: str, by: str, where: str = "") -> dict[str, str]:
    """p50 and p99, apart by one label."""
    buckets = f"sum by (le, {by}) (rate({metric}_bucket{where}[{EVERY}]))"
    return {f"p{share} {{{{{by}}}}}": f"histogram_quantile(0.{share}, {buckets})" for share in ("50", "99")}


ROWS: dict[str, list[Panel]] = {
    "Is anything wrong": [
        Panel(
            "Alerts",
            "short",
            {"{{alertname}} {{severity}}": 'ALERTS{alertstate="firing", alertname=~".+"}'},
            "Each has its runbook in docs/operations/runbooks.md",
            width=12,
        ),
        Panel(
            "Searches without a driver",
            "percentunit",
            {
                "{{service_type}}": rate(
                    "waggle_searches_ended_total",
                    "service_type",
                    '{outcome=~"max_tries|none_in_area|timed_out"}',
                )
                + " / "
                + rate("waggle_searches_ended_total", "service_type", '{outcome!="cancelled"}')
            },
            width=6,
        ),
        Panel(
            "Replicas",
            "short",
            {"{{job}}": "sum by (job) (up{job=~'booking|matching|realtime|push'})"},
            width=6,
        ),
    ],
    "What customers wait for": [
        Panel(
            "Order to first offer",
            "s",
            quantiles("waggle_search_first_offer_seconds", "service_type"),
            "By the clocks of booking and matching. Slow here: look at the consumers, then at matching.",
        ),
        Panel("Order to assignment", "s", quantiles("waggle_search_assignment_seconds", "service_type")),
        Panel("Event to socket", "s", quantiles("waggle_emit_seconds", "event")),
        Panel("Searches by outcome", "ops", {"{{outcome}}": rate("waggle_searches_ended_total", "outcome")}),
        Panel(
            "Offers that a search took",
            "short",
            {
                "{{outcome}}": rate("waggle_search_offers_sum", "outcome")
                + " / "
                + rate("waggle_search_offers_count", "outcome")
            },
        ),
        Panel("Offers by outcome", "ops", {"{{outcome}}": rate("waggle_offers_ended_total", "outcome")}),
    ],
    "Jobs and drivers": [
        Panel("Jobs under way", "short", {"{{status}}": "max by (status) (waggle_jobs_open)"}),
        Panel("Steps of jobs", "ops", {"{{from}} → {{to}}": rate("waggle_job_steps_total", "from, to")}),
        Panel(
            "Drivers",
            "short",
            {
                "{{state}}": "max by (state) (waggle_drivers)",
                "on the map of {{pod}}": "waggle_supply_drivers",
                "searches": "max(waggle_searches_open)",
            },
        ),
        Panel(
            "Deadlines: how late",
            "s",
            quantiles("waggle_deadline_lateness_seconds", "kind")
            | {"overdue {{kind}}": "max by (kind) (waggle_deadline_overdue_seconds)"},
        ),
        Panel(
            "Deadlines that the sweep found",
            "ops",
            {"{{kind}}": rate("waggle_deadlines_swept_total", "kind")},
        ),
        Panel(
            "Drivers taken offline",
            "ops",
            {"{{reason}}": rate("waggle_drivers_taken_offline_total", "reason")},
        ),
    ],
    "The bus": [
        Panel(
            "Events before a consumer",
            "short",
            {"{{consumer}}": "max by (consumer) (waggle_consumer_pending)"},
        ),
        Panel(
            "Taken and not acknowledged",
            "short",
            {"{{consumer}}": "max by (consumer) (waggle_consumer_unacknowledged)"},
        ),
        Panel(
            "Delivered again", "short", {"{{consumer}}": "max by (consumer) (waggle_consumer_redelivered)"}
        ),
        Panel("Handling an event", "s", quantiles("waggle_event_handling_seconds", "consumer")),
        Panel(
            "Events by outcome",
            "ops",
            {"{{consumer}} {{outcome}}": rate("waggle_events_consumed_total", "consumer, outcome")},
        ),
        Panel("Oldest letter in the outbox", "s", {"{{job}}": "max by (job) (waggle_outbox_oldest_seconds)"}),
        Panel(
            "Outbox: in line or swept",
            "ops",
            {"{{job}} {{path}}": rate("waggle_outbox_published_total", "job, path")},
        ),
        Panel("Connected to NATS", "short", {"{{job}}": "min by (job) (waggle_nats_connected)"}),
        Panel(
            "Store of the bus",
            "percentunit",
            {"{{pod}}": "nats_varz_jetstream_stats_storage / nats_varz_jetstream_config_max_storage"},
        ),
    ],
    "Each service": [
        Panel(
            "HTTP requests",
            "reqps",
            {"{{job}} {{status}}": rate("waggle_http_request_seconds_count", "job, status")},
        ),
        Panel("HTTP: how long", "s", quantiles("waggle_http_request_seconds", "route")),
        Panel("Requests over the bus: asked", "s", quantiles("waggle_request_client_seconds", "request")),
        Panel("Requests over the bus: answered", "s", quantiles("waggle_request_server_seconds", "request")),
        Panel(
            "Answers", "ops", {"{{request}} {{code}}": rate("waggle_requests_served_total", "request, code")}
        ),
        Panel(
            "Database connections",
            "short",
            {
                "in use {{pod}}": "waggle_database_pool_used",
                "waiting {{pod}}": "waggle_database_pool_waiting",
            },
        ),
        Panel(
            "Processor",
            "percentunit",
            {"{{pod}}": f"rate(process_cpu_seconds_total[{EVERY}])"},
            "1 is all that one event loop has",
        ),
        Panel("Memory", "bytes", {"{{pod}}": "process_resident_memory_bytes"}),
        Panel("Database up", "short", {"{{job}}": "min by (job) (waggle_database_up)"}),
    ],
    "Sockets and phones": [
        Panel(
            "Connections",
            "percentunit",
            {"{{pod}}": "waggle_transports / waggle_transports_max"},
            "of those that an edge may have",
        ),
        Panel("Sockets", "short", {"{{role}}": "sum by (role) (waggle_sockets)"}),
        Panel(
            "Refused, ended",
            "ops",
            {
                "refused {{code}}": rate("waggle_connects_refused_total", "code"),
                "ended {{reason}}": rate("waggle_sockets_ended_total", "reason"),
            },
        ),
        Panel("Pushes by result", "ops", {"{{result}}": rate("waggle_pushes_total", "result")}),
        Panel("Pushes that wait", "short", {"{{channel}}": "max by (channel) (waggle_pushes_pending)"}),
        Panel(
            "Oldest push that waits",
            "s",
            {
                "{{channel}}": "max by (channel) (waggle_push_oldest_pending_seconds)",
                "{{channel}} is only probed": "max by (channel) (waggle_push_circuit_open)",
            },
        ),
    ],
}


def dashboard() -> dict[str, Any]:
    """As Grafana imports it (schema 39: Grafana 10 and newer)."""
    panels: list[dict[str, Any]] = []
    below = 0
    for title, row in ROWS.items():
        panels.append(
            {"type": "row", "title": title, "gridPos": _place(0, below, ACROSS, 1), "collapsed": False}
        )
        below, left = below + 1, 0
        for panel in row:
            if left + panel.width > ACROSS:
                below, left = below + HEIGHT, 0
            panels.append(_drawn(panel, _place(left, below, panel.width, HEIGHT)))
            left += panel.width
        below += HEIGHT
    for number, drawn in enumerate(panels, start=1):
        drawn["id"] = number
    datasource = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    return {
        "title": "Waggle: dispatch",
        "uid": "waggle-dispatch",
        "schemaVersion": 39,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [datasource]},
        "panels": panels,
    }


def _place(x: int, y: int, w: int, h: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": w, "h": h}


def _drawn(panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    targets = [
        {"refId": chr(ord("A") + number), "expr": expr, "legendFormat": legend, "datasource": source}
        for number, (legend, expr) in enumerate(panel.queries.items())
    ]
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "gridPos": place,
        "datasource": source,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
    }


if __name__ == "__main__":
    text = json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"
    TARGET.write_text(text) if "--write" in sys.argv else sys.stdout.write(text)
