"""Messages of a consumer that are here and not answered for yet: keeping them, and every answer there is."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.streams import Consumer
from contracts.subjects import dead_letter
from wire.direct import COPIED
from wire.envelope import MESSAGE_ID
from wire.pull import give_back

log = structlog.get_logger()

NAK_DELAYS = (0.1, 0.5, 2, 5, 15)
"""Seconds until a message that failed comes again: growing, so that no fault is hammered. The last is also
how late an event may be after an outage, and failing messages take up the consumer's `max_ack_pending`."""
ACK_SECONDS = 2.0
"""Longest to wait until an acknowledgement is confirmed, e.g. when the server just went away."""


class RejectedError(Exception):
    """The event was understood and can never be applied; the reason goes with it to the dead letters."""


COPY = "not published by its service, but copied out of a stream"


def is_copy(message: Msg) -> bool:
    """Whether the server made it of a stored message, and somebody had it sent here: never to be applied.

    nats-server asks what a user may publish, not where it wants to be answered: who may read a stream by
    direct gets can have its messages sent to any subject, and so into another stream.
    """
    return COPIED in (message.headers or {})


@dataclass(frozen=True)
class Held:
    """`waiting` came and was not taken up, `applied` is being applied; both by reply address.

    Every answer takes the message out first: from then on `keep` would contradict it.
    """

    nc: Client
    consumer: Consumer
    waiting: dict[str, Msg] = field(default_factory=dict)
    applied: dict[str, Msg] = field(default_factory=dict)

    def arrived(self, message: Msg) -> None:
        """It came."""
        self.waiting[message.reply] = message

    def take_up(self, message: Msg) -> None:
        """It is being applied from now on, and will be answered whatever happens."""
        self.applied[message.reply] = self.waiting.pop(message.reply)

    async def keep(self) -> None:
        """For ever: tell the server of messages that have been here for a while, lest it sends copies."""
        known: set[str] = set()
        while True:
            await asyncio.sleep(self.consumer.ack_wait.total_seconds() / 3)
            held = self.waiting | self.applied
            for reply in known & held.keys():
                await _say(held[reply].in_progress())
            known = set(held)

    async def give_back(self) -> None:
        """What is waiting, to whoever asks next."""
        for message in tuple(self.waiting.values()):
            await give_back(message)

    async def ack(self, message: Msg, *, confirmed: bool = True) -> None:
        """It was applied. If that does not reach the server it comes again, and must be known by then."""
        self.applied.pop(message.reply)
        if not confirmed:
            await _say(message.ack())
            return
        try:
            await message.ack_sync(timeout=ACK_SECONDS)
        except Exception as error:
            log.warning("event.ack_unconfirmed", error=repr(error))

    async def again(self, message: Msg, delay: float) -> str:
        """It failed, and is to come again in `delay` seconds. Returns the outcome's name."""
        self.applied.pop(message.reply)
        await _say(message.nak(delay=delay))
        return "failed"

    async def bury(self, message: Msg, reason: str) -> str:
        """Dead letter first, then terminate: dying between the two repeats it, and loses nothing."""
        durable = self.consumer.durable
        # What the server put there, or would act on (a fired timer's Nats-Schedule-Next), stays behind.
        headers = {
            name: text for name, text in (message.headers or {}).items() if not name.startswith("Nats-")
        }
        told = " ".join(reason.split()).encode("ascii", "backslashreplace").decode()
        headers |= {"Dead-Reason": told[:1000], "Dead-Subject": message.subject}
        headers[MESSAGE_ID] = f"{durable}.{message.metadata.sequence.stream}"
        try:
            await self.nc.jetstream().publish(dead_letter(durable), message.data, headers=headers)
        except Exception:
            log.exception("event.not_buried")
            return await self.again(message, NAK_DELAYS[-1])
        self.applied.pop(message.reply)
        await _say(message.term())
        log.error("event.dead", reason=told)
        return "dead"


def delay_of(message: Msg) -> float:
    """Seconds until it is to come again, by how often it came."""
    return NAK_DELAYS[min(message.metadata.num_delivered, len(NAK_DELAYS)) - 1]


async def _say(telling: Awaitable[None]) -> None:
    """Tell the server of a message. If that cannot be, the message comes again after `ack_wait`."""
    try:
        await telling
    except nats.errors.Error as error:
        log.warning("event.untold", error=repr(error))
