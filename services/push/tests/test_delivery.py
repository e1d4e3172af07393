"""When an attempt is the last one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from push.delivery import Standing, State, after, before
from push.notifier import Outcome, Verdict

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SOON = NOW + timedelta(seconds=30)
RETRY = Outcome(Verdict.retry, "503 ServiceUnavailable")


def test_an_offer_is_tried_again_with_growing_delay_until_its_deadline() -> None:
    """A2: four tries in 30 s, none after."""
    now, waits = NOW, []
    for attempt in range(1, 10):
        step = after(RETRY, attempt, SOON, now)
        if step.next_attempt_at is None:
            break
        waits.append((step.next_attempt_at - now).total_seconds())
        now = step.next_attempt_at
    assert waits == [1, 2, 4, 8]
    assert (step.state, step.reason) == (State.expired, "503 ServiceUnavailable")


def test_news_with_an_hour_to_live_is_tried_at_most_once_a_minute() -> None:
    assert after(RETRY, 100, NOW + timedelta(hours=1), NOW).next_attempt_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (Verdict.sent, State.sent),
        (Verdict.gone, State.failed),
        (Verdict.failed, State.failed),
        (Verdict.dropped, State.dropped),
        (Verdict.expired, State.expired),
    ],
)
def test_every_other_verdict_is_final(verdict: Verdict, state: State) -> None:
    step = after(Outcome(verdict, "said so"), 1, SOON, NOW)
    assert (step.state, step.reason, step.next_attempt_at) == (state, "said so", None)


def test_a_wait_that_the_push_service_asks_for_is_kept_within_the_deadline() -> None:
    """A2: 429 with Retry-After; but never sooner than we would come anyway."""
    asked = Outcome(Verdict.retry, "429", retry_after=timedelta(seconds=20))
    assert after(asked, 1, SOON, NOW).next_attempt_at == NOW + timedelta(seconds=20)
    assert after(asked, 6, NOW + timedelta(hours=1), NOW).next_attempt_at == NOW + timedelta(seconds=30)
    assert after(asked, 1, NOW + timedelta(seconds=20), NOW).state is State.expired


STANDS = Standing(has_device=True, has_ended=False, has_successor=False, expires_at=SOON)


@pytest.mark.parametrize(
    ("change", "now", "state"),
    [
        ({"has_device": False}, NOW, State.dropped),
        ({"has_ended": True}, NOW, State.withdrawn),
        ({"has_ended": True}, SOON, State.withdrawn),
        ({"has_successor": True}, NOW, State.superseded),
        ({}, SOON, State.expired),
    ],
)
def test_what_need_not_be_sent_any_more_is_not(change: dict[str, Any], now: datetime, state: State) -> None:
    """A10, B4, C12: the phone is not the user's, the offer or its time is over, there is later news."""
    assert before(STANDS, NOW) is None
    step = before(replace(STANDS, **change), now)
    assert step
    assert step.state is state
