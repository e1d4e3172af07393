"""What Python's JSON parser lets through, and nothing behind it can carry.

NaN and Infinity are not JSON (RFC 8259); a number beyond the range of a double becomes Infinity; PostgreSQL
stores no NUL and no half of a surrogate pair; and deep nesting ends serializers by recursion.
"""

import json
import math
import re
from typing import Any

from contracts.requests import Problem

MAX_DEPTH = 32

_SUSPECT = re.compile(rb"NaN|Infinity|\\u0000|\\u[dD][89a-fA-F]|[eE]\+?\d{3}|\d{300}")


class _NotJsonError(ValueError):
    pass


def flaw(body: bytes) -> Problem | None:
    """The refusal that `body` deserves beyond its syntax and schema: 400 or 422; None for nearly all bodies.

    Cheap for those: it parses only what contains something suspect. Broken syntax is left to the parser.
    """
    if not _SUSPECT.search(body) and body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return None
    try:
        told = _flaw_of(json.loads(body, parse_constant=_refuse))
    except _NotJsonError as error:
        return Problem(code="malformed_json", message=f"{error} is not JSON", status=400)
    except RecursionError:
        told = f"It is nested deeper than {MAX_DEPTH} levels"
    except json.JSONDecodeError:
        return None
    except ValueError:  # Python's limit on the digits of an integer
        told = "A number in it is too long"
    return Problem(code="invalid", message=told, status=422) if told else None


def _refuse(constant: str) -> None:
    raise _NotJsonError(constant)


def _flaw_of(value: Any) -> str | None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        if not level:
            return None
        if told := next(filter(None, map(_told_of, level)), None):
            return told
        level = [inner for outer in level for inner in _inside(outer)]
    return f"It is nested deeper than {MAX_DEPTH} levels"


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else []


def _told_of(value: Any) -> str | None:
    if isinstance(value, str) and not is_storable(value):
        return "A text in it has a NUL or half a character"
    if isinstance(value, float) and not math.isfinite(value):
        return "A number in it is out of range"
    return None


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can keep `text`: no NUL, no lone surrogate."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
