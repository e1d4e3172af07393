"""The edge's figures."""

from prometheus_client import Counter, Gauge, Histogram

SOCKETS = Gauge("waggle_sockets", "Connected sockets", ["role"])
TRANSPORTS = Gauge("waggle_transports", "Open transports, with or without a socket; MAX_SOCKETS bounds them")
TRANSPORTS_MAX = Gauge("waggle_transports_max", "How many transports may be open: MAX_SOCKETS")
REFUSED = Counter("waggle_connects_refused_total", "Connections refused, by reason", ["code"])
EVENTS_IN = Counter("waggle_socket_events_in_total", "Events from sockets", ["event", "outcome"])
EVENTS_OUT = Counter("waggle_socket_events_out_total", "Events to sockets, one for each socket", ["event"])
EMIT_SECONDS = Histogram(
    "waggle_emit_seconds",
    "From the event's own time (ce-time) to its emission",
    ["event"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
SOCKETS_ENDED = Counter("waggle_sockets_ended_total", "Transports that have ended, by reason", ["reason"])
UNREADABLE = Counter("waggle_bus_unreadable_total", "Bus messages that did not decode")
MENDED = Counter("waggle_mended_total", "Events read from the stream after the bus was away")
RECOVERED = Counter(
    "waggle_recoveries_total", "Clients that came back for what they missed, by outcome", ["outcome"]
)
DASHBOARD = Gauge("waggle_dashboard_running", "1 while an admin watches the figures on this edge")
POSITIONS_LOST = Counter("waggle_positions_lost_total", "Positions dropped because the bus was away")
