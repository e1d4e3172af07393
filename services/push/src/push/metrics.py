"""What an operator sees of the pushes; docs/operations/observability.md says how to read it."""

from prometheus_client import Counter, Gauge

PUSHES = Counter("waggle_pushes_total", "What became of attempts to deliver a notification", ["result"])
CIRCUIT = Gauge("waggle_push_circuit_open", "1 while a push service is only probed", ["channel"])
PENDING = Gauge("waggle_pushes_pending", "Deliveries that are in no final state", ["channel"])
OLDEST = Gauge(
    "waggle_push_oldest_pending_seconds", "Age of the oldest news that waits to be delivered", ["channel"]
)
