"""What every service counts and measures; of the database, `pool` and `outbox` do. Labels are names of ours,
never ids: their number is bounded.

Counters and histograms of replicas add up. A gauge that tells of something shared (a consumer, an outbox)
says the same on every replica: take the `max` of them. docs/operations/observability.md lists them all.
"""

from prometheus_client import Counter, Gauge, Histogram

QUICK_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Bounds in seconds for what takes milliseconds when all is well."""

CONSUMED = Counter("waggle_events_consumed_total", "Events by what became of them", ["consumer", "outcome"])
HANDLING = Histogram(
    "waggle_event_handling_seconds",
    "From taking an event up to its acknowledgement",
    ["consumer"],
    buckets=QUICK_S,
)
PENDING = Gauge("waggle_consumer_pending", "Events that were not yet delivered", ["consumer"])
UNACKNOWLEDGED = Gauge(
    "waggle_consumer_unacknowledged",
    "Events delivered and not yet acknowledged",
    ["consumer"],
)
REDELIVERED = Gauge(
    "waggle_consumer_redelivered", "Of those, events that were delivered more than once", ["consumer"]
)

SERVED = Counter("waggle_requests_served_total", "Bus requests by answer", ["request", "code"])
SERVING = Histogram(
    "waggle_request_server_seconds", "Bus requests, from taking up to answering", ["request"], buckets=QUICK_S
)
ASKING = Histogram(
    "waggle_request_client_seconds",
    "Bus requests as the asker sees them: ok, refused, unavailable, bad_reply, cancelled",
    ["request", "outcome"],
    buckets=QUICK_S,
)
HTTP_SECONDS = Histogram(
    "waggle_http_request_seconds", "HTTP requests", ["method", "route", "status"], buckets=QUICK_S
)

NOT_PERMITTED = Counter(
    "waggle_nats_not_permitted_total",
    "What nats-server did not let this process do: publish, subscription",
    ["act"],
)
CONNECTED = Gauge("waggle_nats_connected", "1 while this process is connected to NATS")


def begin(consumer: str) -> None:
    """A counter that appears as 1 has not grown in Prometheus's eyes: what alerts look at begins as 0."""
    for outcome in ("applied", "failed", "dead"):
        CONSUMED.labels(consumer, outcome)


for _act in ("publish", "subscription"):
    NOT_PERMITTED.labels(_act)
