"""When an attempt is the last one."""

from datetime import UTC, datetime, timedelta

import pytest

from push.delivery import State, after, before
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
    ],
)
def test_every_other_verdict_is_final(verdict: Verdict, state: State) -> None:
    step = after(Outcome(verdict, "said so"), 1, SOON, NOW)
    assert (step.state, step.reason, step.next_attempt_at) == (state, "said so", None)


def test_nothing_is_sent_past_its_deadline_or_to_a_phone_that_is_not_the_users() -> None:
    """A10"""
    assert before(True, SOON, NOW) is None
    expired, dropped = before(True, NOW, NOW), before(False, SOON, NOW)
    assert expired
    assert dropped
    assert (expired.state, dropped.state) == (State.expired, State.dropped)
