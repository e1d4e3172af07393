"""The face Google shows: `POST /v1/projects/<project>/messages:send`, and `POST /token` for access tokens."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from uuid import uuid4

from fcm_standin.access_tokens import AccessTokens
from fcm_standin.answers import Answer, accepted
from fcm_standin.checks import first_refusal
from fcm_standin.push import Push
from fcm_standin.script import TOKEN_ENDPOINT, Script
from standins.http2 import Handle, Stream
from standins.records import Pushes
from standins.request import Request
from standins.script import Scripts

TOKEN_PATH = "/token"  # noqa: S105  a path


def fcm_handler(
    project: str,
    tokens: AccessTokens,
    scripts: Scripts[Script],
    pushes: Pushes[Push],
    on_push: Callable[[Push], None],
) -> Handle:
    """Judge, record, and answer each request; `on_push` is called with each record."""

    def scripted(name: str, usual: Answer) -> Answer:
        script = scripts.take(name)
        return script.answer(usual) if script else usual

    def judged(request: Request, name: str) -> Answer:
        refusal = first_refusal(request, project, tokens)
        return refusal or scripted(registration_token(request), accepted(name))

    async def handle(request: Request, stream: Stream) -> None:
        if request.path == TOKEN_PATH:
            await reply(stream, scripted(TOKEN_ENDPOINT, tokens.grant(request.body)))
            return
        name = f"projects/{project}/messages/0:{uuid4().hex}"
        answer = judged(request, name)
        push = recorded(request, answer, name, pushes.next_seq(), stream.connection.number)
        pushes.add(push)
        on_push(push)
        await reply(stream, answer)

    return handle


def registration_token(request: Request) -> str:
    message = (request.json or {}).get("message")
    token = message.get("token") if isinstance(message, dict) else None
    return token if isinstance(token, str) else ""


def recorded(request: Request, answer: Answer, name: str, seq: int, connection: int) -> Push:
    authorization = request.headers.get("authorization")
    message = (request.json or {}).get("message")
    return Push(
        seq=seq,
        received_at=time.time(),
        token=registration_token(request),
        name=None if answer.error or answer.cut else name,
        message=message if isinstance(message, dict) else None,
        status=None if answer.cut else answer.status,
        error=answer.error,
        hang_s=answer.hang_s,
        cut=answer.cut,
        connection=connection,
        access_token=hashlib.sha256(authorization.encode()).hexdigest()[:12] if authorization else None,
    )


async def reply(stream: Stream, answer: Answer) -> None:
    if answer.hang_s:
        await asyncio.sleep(answer.hang_s)
    if answer.cut == "reset":
        stream.connection.reset()
    elif answer.cut == "goaway":
        stream.connection.go_away()
    elif answer.body is None:
        stream.reply(answer.status, {"content-type": "text/html; charset=UTF-8"}, b"<title>Error 404</title>")
    else:
        headers = {"content-type": "application/json; charset=UTF-8"}
        if answer.retry_after_s is not None:
            headers["retry-after"] = str(answer.retry_after_s)
        stream.reply(answer.status, headers, json.dumps(answer.body).encode())
