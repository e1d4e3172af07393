"""Reading a stream without a consumer: direct gets, which leave nothing behind (ADR-31 of nats-server).

The stream needs `allow_direct`; those of ours have it.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import datetime

import nats.errors
from nats.aio.client import NO_RESPONDERS_STATUS, Client
from nats.aio.msg import Msg
from nats.js.errors import APIError

A_PAGE = 5_000
"""Messages asked for at a time."""
MOST_LAST = 1_024
"""Messages that one question for last values may find; the server refuses one that finds more."""
IDLE_S = 5.0
"""Seconds to wait for the next message."""
NOT_FOUND = "404"


async def matching(
    nc: Client, stream: str, subject: str, start: int = 1, page: int | None = None
) -> AsyncGenerator[Msg]:
    """Every message on a subject (wildcards allowed) from the sequence `start` on, oldest first.

    `page`: how many to ask for at a time. nats.errors.Error, or TimeoutError.
    """
    unread: int | None = start
    while unread:
        question = {"seq": unread, "next_by_subj": subject, "batch": page or A_PAGE}
        unread = None
        async for message in _answers(nc, stream, question):
            if _status(message) is None:
                last = sequence(message)
                yield message
            elif int((message.headers or {}).get("Nats-Num-Pending", 0)):
                unread = last + 1


async def last_of(nc: Client, stream: str, subjects: Sequence[str]) -> list[Msg]:
    """The last message on each subject that these match, at most MOST_LAST in all. Raises as above."""
    found = [one async for one in _answers(nc, stream, {"multi_last": subjects, "batch": MOST_LAST})]
    return [one for one in found if _status(one) is None]


def sequence(message: Msg) -> int:
    """Of a message that came by a direct get or was republished: where it stands in its stream."""
    return int((message.headers or {})["Nats-Sequence"])


def stored_at(message: Msg) -> datetime:
    """Of a message that came by a direct get: when the stream got it."""
    return datetime.fromisoformat((message.headers or {})["Nats-Time-Stamp"])


def _status(message: Msg) -> str | None:
    return (message.headers or {}).get("Status")


def _heed_cancellation() -> None:
    """nats-py waits by `asyncio.wait_for`, which in Python 3.11 loses a cancellation that comes together with
    the message; a task that reads for ever would then never end."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _answers(nc: Client, stream: str, question: dict[str, object]) -> AsyncIterator[Msg]:
    """What the stream sends, up to and with the status that ends it."""
    inbox = await nc.subscribe(nc.new_inbox())
    try:
        body = json.dumps(question).encode()
        await nc.publish(f"$JS.API.DIRECT.GET.{stream}", body, reply=inbox.subject)
        while True:
            message = await inbox.next_msg(timeout=IDLE_S)
            _heed_cancellation()
            status = _status(message)
            if status == NO_RESPONDERS_STATUS:
                raise nats.errors.NoRespondersError
            if status and status not in ("204", NOT_FOUND):
                raise APIError(code=int(status), description=str(message.headers))
            yield message
            if status:
                return
    finally:
        await inbox.unsubscribe()
