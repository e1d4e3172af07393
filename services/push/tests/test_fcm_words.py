"""What FCM is told, and how its answers are read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from push.fcm_answers import outcome_of
from push.fcm_message import message_of
from push.notifier import Verdict

from .android import push


def test_news_has_a_channel_of_its_own() -> None:
    message: Any = message_of(push(urgent=False), datetime.now(UTC))
    assert message["message"]["android"]["notification"]["channel_id"] == "updates"


@pytest.mark.parametrize(("left", "ttl"), [(27.5, "27s"), (0.5, "0s"), (-5, "0s"), (90.9, "90s")])
def test_a_message_lives_for_the_seconds_that_are_left(left: float, ttl: str) -> None:
    one = push()
    message: Any = message_of(one, one.expires_at - timedelta(seconds=left))
    assert message["message"]["android"]["ttl"] == ttl


@pytest.mark.parametrize("body", ["<title>Error 404</title>", "[]", '{"error":"not found"}', '{"error":{}}'])
def test_a_404_that_is_not_of_fcm_s_form_is_no_dead_phone(body: str) -> None:
    """A10: a proxy on the way, or a path that there is not."""
    outcome = outcome_of(httpx.Response(404, text=body), datetime.now(UTC))
    assert (outcome.verdict, outcome.reason) == (Verdict.failed, "404 Not Found")


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("Sat, 21 Nov 2026 12:00:09 GMT", timedelta(seconds=9)),
        ("Sat, 21 Nov 2026 11:00:00 GMT", timedelta()),
        ("soon", None),
        ("-5", None),
        ("9" * 5000, None),
    ],
    ids=["date", "past", "word", "negative", "endless"],
)
def test_a_wait_can_be_a_date_and_is_none_if_it_is_neither(header: str, wait: timedelta | None) -> None:
    """RFC 9110 §10.2.3"""
    answer = httpx.Response(503, headers={"retry-after": header})
    assert outcome_of(answer, datetime(2026, 11, 21, 12, tzinfo=UTC)).retry_after == wait
