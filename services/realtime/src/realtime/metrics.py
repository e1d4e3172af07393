"""The edge's figures."""

from prometheus_client import Counter, Gauge, Histogram

SOCKETS = Gauge("waggle_sockets", "Connected sockets", ["role"])
REFUSED = Counter("waggle_connects_refused_total", "Connections refused, by reason", ["code"])
EVENTS_IN = Counter("waggle_socket_events_in_total", "Events from sockets", ["event", "outcome"])
EVENTS_OUT = Counter("waggle_socket_events_out_total", "Events to sockets, one for each socket", ["event"])
EMIT_SECONDS = Histogram(
    "waggle_emit_seconds",
    "From the event's own time (ce-time) to its emission",
    ["event"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
UNREADABLE = Counter("waggle_bus_unreadable_total", "Bus messages that did not decode")
