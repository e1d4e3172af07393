"""Every check of a send request, in the order in which they are made: who asks, for which project, what.

Google publishes the errors but not the order; a later check never runs on a request an earlier one refused.
"""

import re

from pydantic import ValidationError

from fcm_standin.access_tokens import AccessTokens
from fcm_standin.answers import BAD_TOKEN, NO_SUCH_PATH, Answer, denied, invalid, refuse, unauthenticated
from fcm_standin.message import Message, SendRequest
from standins.request import Request

SEND_PATH = re.compile(r"/v1/projects/([^/]+)/messages:send")
REGISTRATION_TOKEN = re.compile(r"[A-Za-z0-9_:.-]{32,}")
"""Google keeps the form open; every token it has issued looks like this."""
MAX_PAYLOAD_BYTES = 4096


def first_refusal(request: Request, project: str, tokens: AccessTokens) -> Answer | None:
    """The answer of the first check that refuses the request; None if all let it pass."""
    path = SEND_PATH.fullmatch(request.path)
    if path is None or request.method != "POST":
        return NO_SUCH_PATH
    if reason := tokens.refusal(request.headers.get("authorization")):
        return unauthenticated(reason)
    if path[1] != project:
        return denied(path[1])
    return _refused_body(request)


def _refused_body(request: Request) -> Answer | None:
    if request.json is None:
        return invalid("", "Invalid JSON payload received. Unexpected token.")
    try:
        message = SendRequest.model_validate(request.json).message
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        return invalid(field, f"Invalid value at '{field}': {first['msg']}")
    if not REGISTRATION_TOKEN.fullmatch(message.token):
        return refuse("INVALID_ARGUMENT", BAD_TOKEN)
    if payload_bytes(message) > MAX_PAYLOAD_BYTES:
        return refuse("INVALID_ARGUMENT", "Message is too big")
    return None


def payload_bytes(message: Message) -> int:
    """What reaches the phone: keys and values of the data, and the words of the notification."""
    android = message.android
    own = android.data if android and android.data is not None else message.data
    data = (own or {}).items()
    shown = (message.notification, android.notification if android else None)
    words = [form.model_dump(exclude_none=True).values() for form in shown if form]
    texts = [part for pair in data for part in pair] + [str(word) for group in words for word in group]
    return sum(len(text.encode()) for text in texts)
