"""What FCM answers: a message's name, or an error.

Source: Google, "FCM Error Codes" and "ErrorCode" of the reference of FCM HTTP v1; the form of an error is
that of google.rpc.Status (AIP-193).
"""

from dataclasses import dataclass
from typing import Any

from standins.script import Cut

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"

ERRORS = {
    "INVALID_ARGUMENT": (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "THIRD_PARTY_AUTH_ERROR": (401, "UNAUTHENTICATED", "Auth error from APNS or Web Push Service"),
    "SENDER_ID_MISMATCH": (403, "PERMISSION_DENIED", "SenderId mismatch"),
    "UNREGISTERED": (404, "NOT_FOUND", "Requested entity was not found."),
    "QUOTA_EXCEEDED": (429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Send requests'."),
    "INTERNAL": (500, "INTERNAL", "Internal error encountered."),
    "UNAVAILABLE": (503, "UNAVAILABLE", "The service is currently unavailable."),
}
"""HTTP status, google.rpc.Code and message of each of FCM's error codes."""

BAD_TOKEN = "The registration token is not a valid FCM registration token"  # noqa: S105  a message
OK, UNAUTHENTICATED, FORBIDDEN, NOT_FOUND = 200, 401, 403, 404


@dataclass(frozen=True)
class Answer:
    """What becomes of one request: wait `hang_s`, then answer `body` with `status`, or `cut` the connection.

    Without a body the answer is a page for people, as Google's for a path that there is not.
    """

    status: int
    body: dict[str, Any] | None = None
    error: str | None = None
    """FCM's error code, or google.rpc.Code for what never reached FCM."""
    retry_after_s: int | None = None
    hang_s: float = 0
    cut: Cut | None = None


NO_SUCH_PATH = Answer(NOT_FOUND, error="NOT_FOUND")


def accepted(name: str) -> Answer:
    return Answer(OK, {"name": name})


def refuse(error: str, message: str | None = None, *details: dict[str, Any]) -> Answer:
    """The answer that goes with one of FCM's error codes."""
    status, code, usual = ERRORS[error]
    named = {"@type": FCM_ERROR, "errorCode": error}
    return Answer(status, _body(status, code, message or usual, named, *details), error)


def invalid(field: str, description: str) -> Answer:
    """The answer to a request that is not of the form published; `field` as `message.android.ttl`."""
    violation = {"field": field, "description": description}
    details = {"@type": BAD_REQUEST, "fieldViolations": [violation]}
    return Answer(400, _body(400, "INVALID_ARGUMENT", description, details), "INVALID_ARGUMENT")


def unauthenticated(reason: str) -> Answer:
    """The answer to whom Google does not know; `reason` as `ACCESS_TOKEN_EXPIRED`."""
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
        "other valid authentication credential."
    )
    details = {"@type": ERROR_INFO, "reason": reason, "domain": "googleapis.com"}
    body = _body(UNAUTHENTICATED, "UNAUTHENTICATED", message, details)
    return Answer(UNAUTHENTICATED, body, "UNAUTHENTICATED")


def denied(project: str) -> Answer:
    """The answer to who may not send for this project, or to a project that there is not."""
    resource = f"//cloudresourcemanager.googleapis.com/projects/{project}"
    message = (
        f"Permission 'cloudmessaging.messages.create' denied on resource '{resource}' (or it may not exist)."
    )
    details = {"@type": ERROR_INFO, "reason": "IAM_PERMISSION_DENIED", "domain": "iam.googleapis.com"}
    return Answer(FORBIDDEN, _body(FORBIDDEN, "PERMISSION_DENIED", message, details), "PERMISSION_DENIED")


def _body(code: int, status: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
