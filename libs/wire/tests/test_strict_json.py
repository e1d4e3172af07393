import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.strict_json import MAX_DEPTH, flaw


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b'{"lat": NaN}', 400, "NaN is not JSON"),
        (b'{"lat": -Infinity}', 400, "-Infinity is not JSON"),
        (b'{"lat": 1e999}', 422, "out of range"),
        (b'{"lat": -1E+999}', 422, "out of range"),
        (b'{"lat": ' + b"9" * 400 + b".0}", 422, "out of range"),
        (b'{"n": ' + b"9" * 5000 + b"}", 422, "too long"),
        (b'{"notes": "a\\u0000b"}', 422, "NUL"),
        (b'{"items": {"\\u0000": [1]}}', 422, "NUL"),
        (b'["\\ud800"]', 422, "half a character"),
        (b'["\\uDFFF x"]', 422, "half a character"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), 422, "nested deeper"),
        (b'{"a":' * 30_000 + b"1" + b"}" * 30_000, 422, "nested deeper"),
    ],
)
def test_body_that_nothing_behind_can_carry_is_refused(body: bytes, status: int, told: str) -> None:
    """Issue 2, bad input: never a 500."""
    problem = flaw(body)
    assert problem is not None
    assert problem.status == status
    assert told in problem.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'"NaN and Infinity"',
        b'"\\\\u0000"',
        b'"\\ud83d\\udc1d"',
        b"[1e308, 5e-999, 1e-400, 0]",
        b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
        b"[[]," + b"[" * (MAX_DEPTH - 1) + b"]" * MAX_DEPTH,
        b'["[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["]',
        b"[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]",
    ],
)
def test_other_bodies_are_left_to_the_parser(body: bytes) -> None:
    assert flaw(body) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda v: st.lists(v, max_size=3)
)


@given(VALUES)
def test_what_passes_is_what_json_can_say(value: object) -> None:
    body = json.dumps(value).encode()
    if flaw(body) is None:
        text = json.dumps(json.loads(body), allow_nan=False, ensure_ascii=False)
        assert "\\u0000" not in text.encode().decode().replace("\\\\", "")
