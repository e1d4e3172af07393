"""A delivery's life: pending until it is sent, or cannot be, or is too late. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from push.notifier import Outcome, Verdict

RETRY_DELAYS = (1, 2, 4, 8, 15, 30, 60)
"""Seconds until the next attempt, by the number of those made; the last one repeats. An offer that lives
30 s is tried four times."""


class State(StrEnum):
    """`pending` is the only one that changes."""

    pending = "pending"
    sent = "sent"
    failed = "failed"
    expired = "expired"
    dropped = "dropped"


@dataclass(frozen=True)
class Step:
    """Where a delivery stands after an attempt; `next_attempt_at` only while pending."""

    state: State
    reason: str | None
    next_attempt_at: datetime | None = None


_FINAL = {
    Verdict.sent: State.sent,
    Verdict.gone: State.failed,
    Verdict.failed: State.failed,
    Verdict.dropped: State.dropped,
}


def before(has_device: bool, expires_at: datetime, now: datetime) -> Step | None:
    """Why a claimed delivery must not be sent after all; None if it may."""
    if now >= expires_at:
        return Step(State.expired, "deadline passed")
    if not has_device:  # unregistered since, or the phone is somebody else's now (A10)
        return Step(State.dropped, "device not registered")
    return None


def after(outcome: Outcome, attempts: int, expires_at: datetime, now: datetime) -> Step:
    """What attempt number `attempts` leads to. A retry that would come too late is not waited for."""
    if outcome.verdict in _FINAL:
        return Step(_FINAL[outcome.verdict], outcome.reason)
    delay = RETRY_DELAYS[min(attempts, len(RETRY_DELAYS)) - 1]
    again_at = now + timedelta(seconds=delay)
    if again_at >= expires_at:
        return Step(State.expired, outcome.reason)
    return Step(State.pending, outcome.reason, again_at)
