"""FCM's answers understood (Google, "FCM Error Codes", and "Best practices when sending FCM messages at
scale")."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from push.notifier import Outcome, Verdict

OK, UNAUTHENTICATED, TOO_MANY_REQUESTS, SERVER_ERROR = 200, 401, 429, 500
DEAD_TOKEN = frozenset({"UNREGISTERED", "SENDER_ID_MISMATCH"})
INVALID, THIRD_PARTY = "INVALID_ARGUMENT", "THIRD_PARTY_AUTH_ERROR"
TOKEN_FIELD = "message.token"  # noqa: S105  a field
QUOTA_WAIT = timedelta(seconds=60)
"""How long to wait after a 429 that does not say."""
SECONDS = re.compile(r"[0-9]{1,8}")


@dataclass(frozen=True)
class FcmError:
    """`code` is FCM's own where there is one, else google.rpc.Code; `fields` those that are invalid."""

    code: str
    message: str
    fields: tuple[str, ...] = ()

    @property
    def blames_token(self) -> bool:
        """FCM has no code for a token that is none. It says so in its text, or names the field."""
        if self.code != INVALID:
            return False
        return TOKEN_FIELD in self.fields or "registration token" in self.message.lower()


def needs_new_token(answer: httpx.Response) -> bool:
    """It is our access token that Google does not take. (The other 401 is about Apple's, or a browser's.)"""
    return answer.status_code == UNAUTHENTICATED and error_of(answer).code != THIRD_PARTY


def outcome_of(answer: httpx.Response, now: datetime) -> Outcome:
    """FCM never says since when a token has been dead."""
    status = answer.status_code
    if status == OK:
        return Outcome(Verdict.sent)
    error = error_of(answer)
    said = f"{status} {error.code}"
    if error.code in DEAD_TOKEN or error.blames_token:
        return Outcome(Verdict.gone, said)
    if needs_new_token(answer):
        return Outcome(Verdict.retry, said, outage=True)
    if status == TOO_MANY_REQUESTS:
        return Outcome(Verdict.retry, said, retry_after=retry_after(answer, now) or QUOTA_WAIT)
    if status >= SERVER_ERROR:
        return Outcome(Verdict.retry, said, retry_after=retry_after(answer, now), outage=True)
    return Outcome(Verdict.failed, said)


def error_of(answer: httpx.Response) -> FcmError:
    """Of the form of google.rpc.Status; a front end that answers otherwise is quoted by its status line."""
    try:
        error = answer.json()["error"]
        details: list[dict[str, Any]] = error.get("details", [])
        codes = [one["errorCode"] for one in details if "errorCode" in one]
        violations = [each for one in details for each in one.get("fieldViolations", [])]
        code = str(codes[0] if codes else error["status"])
        return FcmError(code, str(error["message"]), tuple(str(one.get("field")) for one in violations))
    except (ValueError, LookupError, TypeError, AttributeError):
        return FcmError(answer.reason_phrase, "")


def retry_after(answer: httpx.Response, now: datetime) -> timedelta | None:
    """RFC 9110 §10.2.3: seconds or a date; None without either."""
    text = answer.headers.get("retry-after", "").strip()
    if SECONDS.fullmatch(text):
        return timedelta(seconds=int(text))
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(timedelta(), at.replace(tzinfo=at.tzinfo or UTC) - now)
