import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.ids import MAX_SUBJECT_ID, NOBODY, from_token, new_id, to_token

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
SUBJECT_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-=")
MAX_CONTROL_LINE = 4096  # nats-server's default


@given(TEXTS)
@example(".")
@example("*")
@example(">")
@example("a.b.*.>")
@example(" ")
@example("two words")
@example("\t\r\n\0\x7f")
@example("_")
@example("=41")
@example("user@example.com|auth0")
@example("ż€🐝")
@example("é\u0301")
@example("x" * 10_240)
@example("🐝." * 2_048)
def test_token_of_any_text_is_legal_and_gives_the_text_back(text: str) -> None:
    """Issue 2 item 2: foreign ids made safe by one reversible function."""
    token = to_token(text)
    assert set(token) <= SUBJECT_TOKEN
    assert token
    assert token != NOBODY
    assert from_token(token) == text


@given(TEXTS, TEXTS)
@example("a b", "a_b")
@example("a.b", "a=2Eb")
@example("A", "a")
@example("\u00e9", "e\u0301")
def test_distinct_texts_have_distinct_tokens(one: str, other: str) -> None:
    assert (to_token(one) == to_token(other)) == (one == other)


@given(st.text(alphabet=sorted(SUBJECT_TOKEN | {"_", "."}), min_size=1))
@example("=41")
@example("=2e")
@example("=zz")
@example("=FF")
@example("=")
@example(NOBODY)
def test_token_that_no_text_has_is_refused(token: str) -> None:
    try:
        text = from_token(token)
    except ValueError:
        return
    assert to_token(text) == token


def test_empty_id_and_half_a_character_are_refused() -> None:
    for text in ("", "\ud800"):
        with pytest.raises(ValueError, match=r"empty id|surrogates"):
            to_token(text)
    with pytest.raises(ValueError, match="empty"):
        from_token("")


def test_longest_id_let_in_leaves_room_in_a_control_line() -> None:
    """MAX_SUBJECT_ID: two of the longest foreign ids, each byte escaped, in the longest event's subject."""
    worst = to_token("." * MAX_SUBJECT_ID)
    assert len(f"notification.created.{new_id()}.{worst}.{worst}") < MAX_CONTROL_LINE / 2


def test_ids_of_ours_are_version_7_and_in_order() -> None:
    """RFC 9562: ordered by time, to the millisecond."""
    ids = [new_id() for _ in range(1000)]
    assert {made.version for made in ids} == {7}
    assert len(set(ids)) == 1000
    times = [made.int >> 80 for made in ids]
    assert times == sorted(times)
