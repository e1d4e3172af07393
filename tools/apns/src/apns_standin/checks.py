"""Every check of a push request, in the order in which they are made.

Apple publishes the reasons but not the order; the order here goes from the outside in: path, who asks,
for which app, for which device, how, what. A later check never runs on a request an earlier one refused.
Sources: Apple, "Sending notification requests to APNs", "Handling notification responses from APNs",
"Starting and updating Live Activities with ActivityKit push notifications".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from apns_standin.answers import Answer, refuse
from apns_standin.arrival import DEVICE_PATH, Arrival
from apns_standin.provider_token import ProviderTokens

TOPIC_SUFFIX = {
    "alert": "",
    "background": "",
    "mdm": "",
    "complication": ".complication",
    "controls": ".push-type.controls",
    "fileprovider": ".pushkit.fileprovider",
    "liveactivity": ".push-type.liveactivity",
    "location": ".location-query",
    "pushtotalk": ".voip-ptt",
    "voip": ".voip",
    "widgets": ".push-type.widgets",
}
"""Push type → what its topic carries after the bundle id."""

LIVE_ACTIVITY_EVENTS = frozenset({"start", "update", "end"})

MAX_PAYLOAD_BYTES = 4096
MAX_VOIP_PAYLOAD_BYTES = 5120
MAX_COLLAPSE_ID_BYTES = 64

DEVICE_TOKEN = re.compile(r"(?:[0-9a-fA-F]{2}){32,100}")
"""32 bytes and more: Apple keeps the length open, 32 is the shortest it issues, live activities have 80."""

EXPIRATION = re.compile(r"[0-9]{1,10}")
"""Seconds since 1970, or 0. Ten digits reach the year 2286; a time in milliseconds does not pass."""


@dataclass(frozen=True)
class Rules:
    """Whom this APNs serves: the bundle ids it knows and the provider tokens it takes."""

    topics: frozenset[str]
    provider_tokens: ProviderTokens


Check = Callable[[Arrival, Rules], Answer | None]


def method_and_path(arrival: Arrival, _rules: Rules) -> Answer | None:
    if arrival.method != "POST":
        return refuse("MethodNotAllowed")
    if arrival.path == DEVICE_PATH:
        return refuse("MissingDeviceToken")
    if not arrival.path.startswith(DEVICE_PATH) or "/" in arrival.device_token:
        return refuse("BadPath")
    return None


def repeated_headers(arrival: Arrival, _rules: Rules) -> Answer | None:
    # Iteration gives a repeated name as often as it was sent.
    names = [name for name in arrival.headers if name.startswith("apns-") or name == "authorization"]
    return refuse("DuplicateHeaders") if len(names) != len(set(names)) else None


def authorization(arrival: Arrival, rules: Rules) -> Answer | None:
    return rules.provider_tokens.refusal(arrival.headers.get("authorization"))


def topic(arrival: Arrival, rules: Rules) -> Answer | None:
    asked = arrival.headers.get("apns-topic")
    if not asked:
        return refuse("MissingTopic")
    allowed = {known + suffix for known in rules.topics for suffix in TOPIC_SUFFIX.values()}
    return None if asked in allowed else refuse("TopicDisallowed")


def device_token(arrival: Arrival, _rules: Rules) -> Answer | None:
    return None if DEVICE_TOKEN.fullmatch(arrival.device_token) else refuse("BadDeviceToken")


def push_type(arrival: Arrival, rules: Rules) -> Answer | None:
    # The header may be left out: Apple demands it for watchOS alone.
    if arrival.push_type is None:
        return None
    suffix = TOPIC_SUFFIX.get(arrival.push_type)
    if suffix is None or arrival.headers["apns-topic"] not in {known + suffix for known in rules.topics}:
        return refuse("InvalidPushType")
    return None


def priority(arrival: Arrival, _rules: Rules) -> Answer | None:
    asked = arrival.headers.get("apns-priority", "10" if arrival.push_type != "background" else "5")
    allowed = {"1", "5"} if arrival.push_type == "background" else {"1", "5", "10"}
    return None if asked in allowed else refuse("BadPriority")


def expiration(arrival: Arrival, _rules: Rules) -> Answer | None:
    asked = arrival.headers.get("apns-expiration", "0")
    return None if EXPIRATION.fullmatch(asked) else refuse("BadExpirationDate")


def message_id(arrival: Arrival, _rules: Rules) -> Answer | None:
    asked = arrival.headers.get("apns-id")
    if asked is None:
        return None
    try:
        canonical = str(UUID(asked))
    except ValueError:
        return refuse("BadMessageId")
    # UUID() also reads braces, urn: and 32 bare digits; Apple wants 8-4-4-4-12.
    return None if canonical == asked.lower() else refuse("BadMessageId")


def collapse_id(arrival: Arrival, _rules: Rules) -> Answer | None:
    asked = arrival.headers.get("apns-collapse-id", "")
    # Header values are read as Latin-1, so this is the length in bytes.
    return refuse("BadCollapseId") if len(asked) > MAX_COLLAPSE_ID_BYTES else None


def payload(arrival: Arrival, _rules: Rules) -> Answer | None:
    limit = MAX_VOIP_PAYLOAD_BYTES if arrival.push_type == "voip" else MAX_PAYLOAD_BYTES
    if len(arrival.body) > limit:
        return refuse("PayloadTooLarge")
    # Apple lists one reason for a body it can make nothing of, so what is not JSON counts as empty too.
    content = arrival.payload or {}
    has_content = "mdm" in content if arrival.push_type == "mdm" else isinstance(content.get("aps"), dict)
    return None if has_content else refuse("PayloadEmpty")


def live_activity(arrival: Arrival, _rules: Rules) -> Answer | None:
    # Apple takes these, and the phone drops them without a word; here the sender hears of it.
    if arrival.push_type != "liveactivity":
        return None
    aps = (arrival.payload or {})["aps"]
    event, state = aps.get("event"), aps.get("content-state")
    has_state = isinstance(state, dict) or (event == "end" and state is None)
    named = ("attributes-type", "attributes") if event == "start" else ()
    times = [aps.get("timestamp"), *(aps[key] for key in ("stale-date", "dismissal-date") if key in aps)]
    is_whole = has_state and all(key in aps for key in named) and all(type(time) is int for time in times)
    return None if is_whole and event in LIVE_ACTIVITY_EVENTS else refuse("PayloadEmpty")


CHECKS: tuple[Check, ...] = (
    method_and_path,
    repeated_headers,
    authorization,
    topic,
    device_token,
    push_type,
    priority,
    expiration,
    message_id,
    collapse_id,
    payload,
    live_activity,
)


def first_refusal(arrival: Arrival, rules: Rules) -> Answer | None:
    """The answer of the first check that refuses the request; None if all let it pass."""
    return next((answer for check in CHECKS if (answer := check(arrival, rules))), None)
