"""Our push service and a sender on node-apn, one after the other on the same core, to the same receiver."""

import asyncio

from bench.harness import Figure, pinned
from bench.peers import node_push
from bench.push import ours, peer
from bench.push.world import REST_CORE, Found, Sizes, world

ALONE = {
    "push_busy": ("rows_busy", "% of its core"),
    "push_sink_busy": ("rows_sink_busy", "% of a core"),
    "offer_to_apns_rate": ("offers", "/s"),
    "offer_to_apns_busy": ("offers_busy", "% of its core"),
}
NODE_ALONE = {
    "node_memory_busy": ("memory_busy", "% of its core"),
    "node_memory_sink_busy": ("memory_sink_busy", "% of a core"),
    "node_rows_busy": ("rows_busy", "% of its core"),
    "sink_ceiling": ("ceiling", "/s"),
    "sink_ceiling_busy": ("ceiling_sink_busy", "% of a core"),
}


def measure(sizes: Sizes | None = None) -> list[Figure]:
    """One repetition. RuntimeError without the packages of npm: the receiver is a program of Node's too."""
    if not node_push.available():
        raise RuntimeError("this bench needs a way to npm once")
    return asyncio.run(_measure(sizes or Sizes(), node_push.version()))


async def _measure(sizes: Sizes, version: str) -> list[Figure]:
    with pinned(REST_CORE):
        async with world() as there:
            found = await ours.run(there, sizes)
            node = await peer.run(there, sizes)
    return [
        *_beside(found, node, version),
        *(Figure(name, found[key], unit) for name, (key, unit) in ALONE.items()),
        *(Figure(name, node[key], unit) for name, (key, unit) in NODE_ALONE.items()),
    ]


def _beside(found: Found, node: Found, version: str) -> list[Figure]:
    memory, rows = f"{version} from memory", f"{version} from rows"
    return [
        Figure("push_vs_node", found["rows"], "/s", memory, node["memory"]),
        Figure("push_vs_node_rows", found["rows"], "/s", rows, node["rows"]),
        Figure("apns_vs_node", found["memory"], "/s", memory, node["memory"]),
        Figure("offer_to_apns_p50", found["p50"], "ms", memory, node["p50"]),
        Figure("offer_to_apns_p99", found["p99"], "ms", memory, node["p99"]),
    ]
