"""Whether a contract changed by addition only: what was written stays readable, what is written too.

Old and new sides run at the same time while a deployment rolls, and streams keep events for days. So a
field may be added if it may be missing, and a value to an enumeration; every other change needs a new event
or request beside the old one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_SAID_TO_PEOPLE = {"title", "description", "examples"}
_LOOKED_INTO = {
    "properties",
    "required",
    "enum",
    "anyOf",
    "items",
    "additionalProperties",
    "$defs",
}


def breaks(old: Schema, new: Schema) -> list[str]:
    """What in JSON schema `new` breaks the promise that `old` was, a line each; empty if only additions."""
    return list(_compare("$", old, new, old.get("$defs", {}), new.get("$defs", {})))


def _compare(at: str, old: Any, new: Any, old_defs: Schema, new_defs: Schema) -> Iterator[str]:
    old, new = _resolved(old, old_defs), _resolved(new, new_defs)
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        if old != new:
            yield f"{at}: {old!r} became {new!r}"
        return
    for keyword in sorted((old.keys() | new.keys()) - _SAID_TO_PEOPLE - _LOOKED_INTO):
        if old.get(keyword) != new.get(keyword):
            yield f"{at}: {keyword} was {old.get(keyword)!r}, is {new.get(keyword)!r}"
    yield from _fields(at, old, new, old_defs, new_defs)
    for value in old.get("enum", []):
        if value not in new.get("enum", [value]):
            yield f"{at}: value {value!r} was removed"
    if ("enum" in old) != ("enum" in new):
        yield f"{at}: an enumeration came or went"
    for keyword in ("items", "additionalProperties"):
        if keyword in old or keyword in new:
            yield from _compare(f"{at}[]", old.get(keyword), new.get(keyword), old_defs, new_defs)
    yield from _alternatives(at, old.get("anyOf", []), new.get("anyOf", []), old_defs, new_defs)


def _fields(at: str, old: Schema, new: Schema, old_defs: Schema, new_defs: Schema) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    always, from_now_on = set(old.get("required", [])), set(new.get("required", []))
    for name in sorted(before.keys() - after.keys()):
        yield f"{at}.{name}: was removed"
    for name in sorted(from_now_on - always):
        yield f"{at}.{name}: is required now"
    for name in sorted((always - from_now_on) & after.keys()):
        yield f"{at}.{name}: may be missing now"
    for name in sorted(before.keys() & after.keys()):
        yield from _compare(f"{at}.{name}", before[name], after[name], old_defs, new_defs)


def _alternatives(at: str, old: Any, new: Any, old_defs: Schema, new_defs: Schema) -> Iterator[str]:
    if len(old) != len(new):
        yield f"{at}: one of {len(old)} kinds became one of {len(new)}"
        return
    for number, (before, after) in enumerate(zip(old, new, strict=True)):
        yield from _compare(f"{at}|{number}", before, after, old_defs, new_defs)


def _resolved(schema: Any, defs: Schema) -> Any:
    """`schema` without its `$ref`: a model that only moved or was renamed is the same on the wire."""
    if isinstance(schema, Mapping) and "$ref" in schema:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return {**defs[schema["$ref"].removeprefix("#/$defs/")], **beside}
    return schema
