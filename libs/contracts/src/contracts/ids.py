"""Identifiers, and how a foreign one becomes a token of a NATS subject."""

import re
from uuid import UUID

import uuid_utils.compat

NOBODY = "_"
"""Stands in a subject where nobody is concerned yet (no driver). Never the token of an id."""

MAX_SUBJECT_ID = 255
"""Longest foreign id let in at the edges, in bytes of UTF-8: OpenID Connect's limit for `sub`.

As a token it is at most three times as long, so a subject with two such ids stays well below the 4096 bytes
at which nats-server cuts a control line (`max_control_line`). `to_token` itself knows no limit.
"""

_UNSAFE = re.compile(rb"[^A-Za-z0-9-]")
_ESCAPED = re.compile(rb"=([0-9A-F]{2})")
_PLAIN = re.compile(r"[A-Za-z0-9-]+")


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): unique, and in the order of its making to the millisecond."""
    return uuid_utils.compat.uuid7()


def to_token(text: str) -> str:
    """`text` as one subject token: letters, digits and `-` stay, every other UTF-8 byte becomes `=XX`.

    Reversible by `from_token`; two texts never share a token. `.`, `*`, `>` and white space, which have a
    meaning in subjects, cannot come through; nor can `NOBODY`. An empty text is refused (ValueError).
    """
    if not text:
        raise ValueError("an empty id has no subject token")
    return _UNSAFE.sub(lambda byte: b"=%02X" % ord(byte[0]), text.encode()).decode("ascii")


def from_token(token: str) -> str:
    """The text that `to_token` made `token` of. ValueError for a token that it cannot have made."""
    if _PLAIN.fullmatch(token):
        return token
    text = _ESCAPED.sub(lambda code: bytes([int(code[1], 16)]), token.encode("ascii")).decode()
    if to_token(text) != token:
        raise ValueError(f"not a token of an id: {token!r}")
    return text
