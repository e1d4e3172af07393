"""HTTP responses, whatever protocol writes them."""

from http import HTTPStatus
from typing import NamedTuple

from sio.packets import encode_json


class Answer(NamedTuple):
    """An HTTP response."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


def _engine_io(code: int, message: str) -> Answer:
    return Answer(400, encode_json({"code": code, "message": message}), "application/json")


# Engine.IO's own refusals; some clients look at the codes.
UNKNOWN_TRANSPORT = _engine_io(0, "Transport unknown")
UNKNOWN_SESSION = _engine_io(1, "Session ID unknown")
BAD_METHOD = _engine_io(2, "Bad handshake method")
BAD_REQUEST = _engine_io(3, "Bad request")
BAD_VERSION = _engine_io(5, "Unsupported protocol version")


def unavailable(code: str, detail: str, retry_after: int = 2) -> Answer:
    """503 as of RFC 9457 with a stable `code`; clients may try again after so many seconds."""
    status = HTTPStatus.SERVICE_UNAVAILABLE
    problem = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
    }
    return Answer(
        status.value, encode_json(problem), "application/problem+json", (("Retry-After", str(retry_after)),)
    )
