"""A service type's own words over those of the requirements. Pure: a template is text with names in braces,
filled in one pass; nothing in it is evaluated, and nothing that was filled in is looked into again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from contracts.wording import PLACEHOLDER, Words
from push.domain import Notification
from push.localized import Localized

TITLE_BYTES, BODY_BYTES = 300, 1200
"""Longest of a title and a body, or of all args of each, as JSON. A push takes 4,096 bytes with its data."""

Wording = Mapping[str, Words]
"""What a service type says, by the name of the notification."""


def reworded(told: Notification, wording: Wording, values: Mapping[str, str]) -> Notification:
    """In the service type's words, where it has some and they can be filled in; else as it is.

    They cannot where a value is missing (a job without an address), or for a placeholder that only newer
    versions know. Keys go to the phone; title and body are what the history shows, and phones without them.
    """
    words = wording.get(told.name)
    if words is None:
        return told
    try:
        return replace(
            told,
            title=told.title if words.title is None else _filled(words.title, values, TITLE_BYTES),
            body=told.body if words.body is None else _filled(words.body, values, BODY_BYTES),
            localized=_localized(words, values),
        )
    except KeyError:
        return told


def _localized(words: Words, values: Mapping[str, str]) -> Localized | None:
    if words.title_loc_key is None and words.loc_key is None:
        return None
    return Localized(
        words.title_loc_key,
        _all_filled(words.title_loc_args, values, TITLE_BYTES),
        words.loc_key,
        _all_filled(words.loc_args, values, BODY_BYTES),
    )


def _all_filled(templates: Sequence[str], values: Mapping[str, str], size: int) -> tuple[str, ...]:
    return tuple(_filled(one, values, size // len(templates)) for one in templates)


def _filled(template: str, values: Mapping[str, str], size: int) -> str:
    """KeyError for a name without a value."""
    return _cut(PLACEHOLDER.sub(lambda found: values[found[1]], template), size)


def _cut(text: str, size: int) -> str:
    """At most so many bytes as JSON; what was cut shows."""
    if _weight(text) <= size:
        return text
    text = text[:size]
    while _weight(text) > size - len("…".encode()):
        text = text[:-1]
    return f"{text}…"


def _weight(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode())
