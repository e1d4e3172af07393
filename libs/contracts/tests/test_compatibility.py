"""The judge of contract changes, judged: each kind of change, made to a small contract."""

from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel, Field, create_model

from contracts.compatibility import breaks


class Mood(StrEnum):
    calm = "calm"
    busy = "busy"


class MoodAndMore(StrEnum):
    calm = "calm"
    busy = "busy"
    angry = "angry"


class Inner(BaseModel):
    x: int


class Inner2(BaseModel):
    x: int
    y: int = 0


class InnerNarrowed(BaseModel):
    x: int
    y: int


FIELDS: dict[str, Any] = {
    "name": (str, Field(max_length=10, description="as people say it")),
    "mood": (Mood, ...),
    "inner": (Inner, ...),
    "many": (list[Inner], []),
    "by_name": (dict[str, int], {}),
    "note": (str | None, None),
    "count": (int, 1),
}


def schema(**changed: Any) -> dict[str, Any]:
    """Of the contract with fields changed, added, or (None) removed."""
    fields = {name: field for name, field in (FIELDS | changed).items() if field is not None}
    contract: type[BaseModel] = create_model("Contract", **fields)
    return contract.model_json_schema()


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"more": (int, 0)},
        {"more": (int | None, None)},
        {"mood": (MoodAndMore, ...)},
        {"inner": (Inner2, ...)},
        {"many": (list[Inner2], [])},
        {"name": (str, Field(max_length=10, description="said otherwise"))},
    ],
    ids=["nothing", "field", "nullable field", "value", "field inside", "field in a list", "words"],
)
def test_addition_breaks_nothing(changed: dict[str, Any]) -> None:
    assert breaks(schema(), schema(**changed)) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"name": None}, "$.name: was removed"),
        ({"note": None}, "$.note: was removed"),
        ({"name": (int, ...)}, "$.name: type was 'string', is 'integer'"),
        ({"more": (int, ...)}, "$.more: is required now"),
        ({"count": (int, ...)}, "$.count: is required now"),
        ({"name": (str, Field("x", max_length=10))}, "$.name: may be missing now"),
        ({"name": (str | None, ...)}, "$.name: one of 0 kinds became one of 2"),
        ({"note": (int | None, None)}, "$.note|0: type was 'string', is 'integer'"),
        ({"note": (str | int | None, None)}, "$.note: one of 2 kinds became one of 3"),
        ({"name": (str, Field(max_length=9))}, "$.name: maxLength was 10, is 9"),
        ({"name": (str, Field(max_length=11))}, "$.name: maxLength was 10, is 11"),
        ({"count": (int, 2)}, "$.count: default was 1, is 2"),
        ({"mood": (str, ...)}, "$.mood: an enumeration came or went"),
        ({"inner": (InnerNarrowed, ...)}, "$.inner.y: is required now"),
        ({"many": (list[InnerNarrowed], [])}, "$.many[].y: is required now"),
        ({"many": (list[int], [])}, "$.many[]: type was 'object', is 'integer'"),
        ({"by_name": (dict[str, str], {})}, "$.by_name[]: type was 'integer', is 'string'"),
    ],
)
def test_any_other_change_is_told(changed: dict[str, Any], told: str) -> None:
    """Issue 2 item 2: a contract that changes by anything but addition fails."""
    assert told in breaks(schema(), schema(**changed))


def test_value_taken_from_an_enumeration_is_told() -> None:
    wide = schema(mood=(MoodAndMore, ...))
    assert breaks(wide, schema()) == ["$.mood: value 'angry' was removed"]


def test_model_that_was_only_renamed_is_the_same_contract() -> None:
    renamed = create_model("Renamed", x=(int, ...))
    assert breaks(schema(), schema(inner=(renamed, ...))) == []
