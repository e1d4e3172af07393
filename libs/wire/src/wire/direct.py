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
COPIED = "Nats-Sequence"
"""Header of an answer to a direct get, and of what is republished: where the message stands in its stream."""


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
            if not is_end(message):
                last = sequence(message)
                yield message
            elif is_more(message):
                unread = last + 1


async def last_of(nc: Client, stream: str, subjects: Sequence[str]) -> list[Msg]:
    """The last message on each subject that these match, at most MOST_LAST in all. Raises as above."""
    found = [one async for one in _answers(nc, stream, {"multi_last": subjects, "batch": MOST_LAST})]
    if found and is_end(found[-1]):
        is_more(found.pop())  # or it was refused
    return found


def sequence(message: Msg) -> int:
    """Of a message that came by a direct get or was republished: where it stands in its stream."""
    return int((message.headers or {})[COPIED])


def stored_at(message: Msg) -> datetime:
    """Of a message that came by a direct get: when the stream got it."""
    return datetime.fromisoformat((message.headers or {})["Nats-Time-Stamp"])


def is_end(message: Msg) -> bool:
    """Whether it is no message of the stream, but ends the answer to a direct get."""
    return "Status" in (message.headers or {})


def is_more(end: Msg) -> bool:
    """Whether the stream has more than this answer, which `end` ends. Raises as above if it is a refusal."""
    headers = end.headers or {}
    status = headers.get("Status", "")
    if status == NO_RESPONDERS_STATUS:
        raise nats.errors.NoRespondersError
    if status not in ("204", NOT_FOUND):
        raise APIError(code=int(status), description=str(headers))
    return int(headers.get("Nats-Num-Pending", 0)) > 0


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
            yield message
            if is_end(message):
                return
    finally:
        await inbox.unsubscribe()
