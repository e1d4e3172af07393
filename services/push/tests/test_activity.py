"""What a card shows, when it ends, and when it is sent again."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from push.activity import Step, after, booking_content, ends_at, is_over, position_content, stale_at
from push.apns import activity_headers_of, activity_payload_of
from push.notifier import ActivityUpdate, Environment, Outcome, Verdict

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
JOB = UUID("0197a3c0-0000-7000-8000-000000000000")
RETRY = Outcome(Verdict.retry, "503 ServiceUnavailable")
LATER = NOW + timedelta(minutes=15)


def test_what_is_unknown_is_left_out() -> None:
    assert booking_content(JOB, "pending", None, None) == {"jobId": str(JOB), "status": "pending"}
    assert position_content(40.5, -74.25, None, NOW) == {
        "driverLat": 40.5,
        "driverLng": -74.25,
        "positionAt": int(NOW.timestamp()),
    }


def test_the_largest_card_fits_into_a_push() -> None:
    """Apple takes 4,096 bytes."""
    content = booking_content(JOB, "in_progress", "🐝" * 1000, "🐝" * 1000)
    position = position_content(-89.123456789012345, -179.12345678901234, 359.12345678901234, NOW)
    update = ActivityUpdate(
        id=JOB,
        token="ab" * 100,
        app="app.waggle.customer",
        environment=Environment.production,
        timestamp=int(NOW.timestamp()),
        content=content | position,
        urgent=False,
        ends=True,
        stale_at=NOW,
        dismiss_at=NOW,
        expires_at=NOW,
    )
    assert len(activity_payload_of(update)) <= 4096
    assert dict(activity_headers_of(update))["apns-priority"] == "5"


@pytest.mark.parametrize(
    ("status", "end"),
    [("completed", NOW), ("cancelled", NOW), ("unfulfilled", LATER), ("pending", None), ("arrived", None)],
)
def test_a_card_ends_with_its_booking(status: str, end: datetime | None) -> None:
    """B8, B10: one without a driver may still be searched for again."""
    assert ends_at(status, NOW) == end
    assert is_over(status, NOW, LATER) == (end is not None)


def test_a_booking_that_ended_by_a_clock_ahead_of_ours_is_over() -> None:
    assert is_over("completed", NOW + timedelta(seconds=5), NOW)
    assert not is_over("unfulfilled", NOW, NOW)


def test_only_a_card_with_a_driver_goes_stale() -> None:
    """A search may be silent for as long as it lasts; a driver is not."""
    assert stale_at("en_route", NOW) == NOW + timedelta(minutes=2)
    assert stale_at("pending", NOW) is None


def test_retries_come_with_growing_delay() -> None:
    steps = [after(RETRY, failures, False, None, NOW) for failures in range(9)]
    assert [step.failures for step in steps] == list(range(1, 10))
    waits = [(step.next_at - NOW).total_seconds() for step in steps if step.next_at]
    assert waits == [1, 2, 4, 8, 15, 30, 60, 60, 60]


def test_apns_may_ask_for_a_longer_wait() -> None:
    asked = Outcome(Verdict.retry, "429 TooManyRequests", retry_after=timedelta(seconds=20))
    assert after(asked, 0, False, None, NOW).next_at == NOW + timedelta(seconds=20)


@pytest.mark.parametrize("verdict", [Verdict.sent, Verdict.failed, Verdict.gone, Verdict.dropped])
def test_every_other_verdict_settles_the_card(verdict: Verdict) -> None:
    """An end is the last of it; otherwise nothing is due but an end that is known to come."""
    outcome = Outcome(verdict)
    assert after(outcome, 3, True, NOW, NOW) == Step(over=True)
    assert after(outcome, 3, False, None, NOW) == Step()
    assert after(outcome, 3, False, LATER, NOW) == Step(next_at=LATER)


def test_an_end_that_was_not_taken_is_tried_again() -> None:
    assert not after(RETRY, 0, True, NOW, NOW).over
