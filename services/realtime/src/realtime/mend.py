"""What this edge missed while it was cut off from the bus, or could not keep up: read and told late (C7)."""

from collections.abc import Awaitable, Callable

import nats.errors
import stamina
import structlog
from nats.aio.msg import Msg

from contracts.streams import DISPATCH
from realtime.edge import Edge
from realtime.metrics import MENDED
from realtime.progress import end_of_stream
from wire import direct

log = structlog.get_logger()

MOST_MISSED = 50_000
"""Events; past it, everybody here is sent to connect again, and catches up by itself."""
AWAY = (nats.errors.Error, TimeoutError)

Deliver = Callable[[Edge, Msg], Awaitable[None]]


async def begin(edge: Edge) -> None:
    """What happens from now on is told here. Waits for the bus, and for the stream to be there."""
    async for attempt in stamina.retry_context(on=AWAY, attempts=None, timeout=None, wait_max=1):
        with attempt:
            edge.recovery.progress = await end_of_stream(edge.nc)


async def mend(edge: Edge, deliver: Deliver) -> None:
    """Tell what the stream has after what was told, before anything that came since. Waits for the bus."""
    async for attempt in stamina.retry_context(on=AWAY, attempts=None, timeout=None, wait_max=1):
        with attempt:
            await _mend(edge, deliver)


async def _mend(edge: Edge, deliver: Deliver) -> None:
    reached, end = edge.recovery.progress, await end_of_stream(edge.nc)
    if reached is None or reached.epoch != end.epoch or end.seq - reached.seq > MOST_MISSED:
        log.warning("bus.gap_too_long", reached=str(reached), end=str(end))
        edge.recovery.progress = end
        for socket in list(edge.sessions):
            edge.engine.hang_up(socket)
        return
    told = 0
    async for message in direct.matching(edge.nc, DISPATCH.name, ">", reached.seq + 1):
        await deliver(edge, message)
        told += 1
    MENDED.inc(told)
    log.info("bus.gap_mended", events=told)
