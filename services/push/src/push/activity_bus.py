"""What the cards hear of bookings, by a durable consumer of their own: it holds no notification back (A11).

Booking's own events only. Each has the whole job and its version, so the latest wins, in whatever order and
however often they come; no inbox is needed.
"""

from nats.aio.msg import Msg

from contracts.events import JobEvent
from push import activity_usecases
from push.signals import ActivitySignals
from wire.consume import Apply
from wire.envelope import unseal
from wire.sql import Database


def showing(database: Database, signals: ActivitySignals) -> Apply:
    """Bring cards to the state in an event, and wake their sender after the commit."""

    async def apply(message: Msg) -> None:
        event = unseal(message.headers, message.data).event
        if not isinstance(event, JobEvent):
            return
        async with database.transaction() as tx:
            has_cards = await activity_usecases.show(tx, event.job)
        if has_cards:
            signals.status.set()

    return apply
