"""A push as FCM wants it (Google, "REST Resource: projects.messages" of FCM HTTP v1)."""

from datetime import datetime

from push.localized import Localized
from push.notifier import Push

OFFERS, UPDATES = "offers", "updates"
"""Notification channels that the apps make, so that their users can set each apart. On a phone that has no
such channel the app's default one is used."""


def message_of(push: Push, now: datetime) -> dict[str, object]:
    """The body of `messages:send`. FCM is told how long a message lives, not until when: so it is counted
    afresh for each attempt, and none ends later than another. A tag takes the place of an earlier one."""
    left = max(0, int((push.expires_at - now).total_seconds()))
    words, own_words = _words_of(push)
    android = {
        "priority": "HIGH",
        "ttl": f"{left}s",
        "collapse_key": push.collapse_id,
        "notification": own_words
        | {
            "tag": push.collapse_id,
            "channel_id": OFFERS if push.urgent else UPDATES,
            "sound": "default",
        },
    }
    message = {"token": push.token, "notification": words, "data": dict(push.data), "android": android}
    return {"message": message}


def _words_of(push: Push) -> tuple[dict[str, object], dict[str, object]]:
    """What every platform is told, and Android alone: keys into the app's own strings. A phone prefers a
    text to a key, so where there is a key the text is left out."""
    keys = push.localized or Localized()
    words: dict[str, object] = {}
    own: dict[str, object] = {}
    for name, text, key, args in (
        ("title", push.title, keys.title_key, keys.title_args),
        ("body", push.body, keys.body_key, keys.body_args),
    ):
        if key is None:
            words[name] = text
        else:
            own |= {f"{name}_loc_key": key, f"{name}_loc_args": list(args)}
    return words, own
