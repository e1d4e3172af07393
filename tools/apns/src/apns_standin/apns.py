"""The face Apple shows: `POST /3/device/<token>`."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from uuid import uuid4

from apns_standin.answers import ACCEPTED, Answer
from apns_standin.arrival import Arrival
from apns_standin.checks import Rules, first_refusal
from apns_standin.push import Push
from apns_standin.script import Script
from standins.http2 import Handle, Stream
from standins.records import Pushes
from standins.request import Request
from standins.script import Scripts


def apns_handler(
    rules: Rules, scripts: Scripts[Script], pushes: Pushes[Push], on_push: Callable[[Push], None]
) -> Handle:
    """Judge, record, and answer each request; `on_push` is called with each record."""

    def judged(arrival: Arrival) -> Answer:
        if refusal := first_refusal(arrival, rules):
            return refusal
        script = scripts.take(arrival.device_token)
        return script.answer(time.time()) if script else ACCEPTED

    async def handle(request: Request, stream: Stream) -> None:
        arrival = Arrival.of(request)
        answer = judged(arrival)
        push = recorded(arrival, answer, pushes.next_seq(), stream.connection.number)
        pushes.add(push)
        on_push(push)
        if answer.hang_s:
            await asyncio.sleep(answer.hang_s)
        if answer.cut == "reset":
            stream.connection.reset()
        elif answer.cut == "goaway":
            stream.connection.go_away(farewell(answer.reason or "Shutdown"))
        else:
            stream.reply(answer.status, {"apns-id": push.apns_id}, body(answer))

    return handle


def recorded(arrival: Arrival, answer: Answer, seq: int, connection: int) -> Push:
    authorization = arrival.headers.get("authorization")
    return Push(
        seq=seq,
        received_at=time.time(),
        token=arrival.device_token,
        # Echoed even when it is a bad one: "the same value found in the apns-id field of the request".
        apns_id=arrival.headers.get("apns-id") or str(uuid4()).upper(),
        headers={name: value for name, value in arrival.headers.items() if name.startswith("apns-")},
        payload=arrival.payload,
        status=None if answer.cut else answer.status,
        reason=answer.reason,
        hang_s=answer.hang_s,
        cut=answer.cut,
        connection=connection,
        provider_token=hashlib.sha256(authorization.encode()).hexdigest()[:12] if authorization else None,
    )


def farewell(reason: str) -> bytes:
    """What Apple puts into a GOAWAY frame."""
    return json.dumps({"reason": reason}).encode()


def body(answer: Answer) -> bytes:
    """Empty for 200, else `{"reason": …}`, with 410 also `timestamp` in ms."""
    if answer.reason is None:
        return b""
    content: dict[str, str | int] = {"reason": answer.reason}
    if answer.timestamp_ms is not None:
        content["timestamp"] = answer.timestamp_ms
    return json.dumps(content, separators=(",", ":")).encode()
