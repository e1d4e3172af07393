"""What APNs answers: a status, and for every status but 200 a reason.

Source: Apple, "Handling notification responses from APNs", table "Response error strings".
"""

from dataclasses import dataclass

from standins.script import Cut

STATUS_OF_REASON = {
    "BadCollapseId": 400,
    "BadDeviceToken": 400,
    "BadExpirationDate": 400,
    "BadMessageId": 400,
    "BadPriority": 400,
    "BadTopic": 400,
    "DeviceTokenNotForTopic": 400,
    "DuplicateHeaders": 400,
    "IdleTimeout": 400,
    "InvalidPushType": 400,
    "MissingDeviceToken": 400,
    "MissingTopic": 400,
    "PayloadEmpty": 400,
    "TopicDisallowed": 400,
    "BadCertificate": 403,
    "BadCertificateEnvironment": 403,
    "BadEnvironmentKeyIdInToken": 403,
    "ExpiredProviderToken": 403,
    "Forbidden": 403,
    "InvalidProviderToken": 403,
    "MissingProviderToken": 403,
    "UnrelatedKeyIdInToken": 403,
    "BadPath": 404,
    "MethodNotAllowed": 405,
    "ExpiredToken": 410,
    "Unregistered": 410,
    "PayloadTooLarge": 413,
    "TooManyProviderTokenUpdates": 429,
    "TooManyRequests": 429,
    "InternalServerError": 500,
    "ServiceUnavailable": 503,
    "Shutdown": 503,
}

GONE = 410


@dataclass(frozen=True)
class Answer:
    """What becomes of one request: wait `hang_s`, then answer `status`, or `cut` the connection."""

    status: int
    reason: str | None = None
    timestamp_ms: int | None = None
    """Only with 410: since when the device token has been dead, in ms since 1970."""
    hang_s: float = 0
    cut: Cut | None = None


ACCEPTED = Answer(200)


def refuse(reason: str) -> Answer:
    """The answer that goes with one of Apple's reasons."""
    return Answer(STATUS_OF_REASON[reason], reason)
