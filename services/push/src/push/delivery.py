"""A delivery's life: pending until it is sent, or cannot be, or need not be, or is too late. Pure."""

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
    """There was nobody to send it to."""
    withdrawn = "withdrawn"
    """The offer that it tells of ended first (B4, B5, B9, B11)."""
    superseded = "superseded"
    """Later news of the same thing is there, whose place on the phone it would take."""


@dataclass(frozen=True)
class Step:
    """Where a delivery stands after an attempt; `next_attempt_at` only while pending."""

    state: State
    reason: str | None
    next_attempt_at: datetime | None = None


EXPIRED = Step(State.expired, "deadline passed")
UNREGISTERED = Step(State.dropped, "device not registered")
WITHDRAWN = Step(State.withdrawn, "offer ended")
SUPERSEDED = Step(State.superseded, "later news")


@dataclass(frozen=True)
class Standing:
    """What decides whether a delivery may still be sent.

    `has_device`: its user has the device, on the same channel. `has_ended`: the offer that it tells of.
    `has_successor`: a later one with the same collapse id, for the same device.
    """

    has_device: bool
    has_ended: bool
    has_successor: bool
    expires_at: datetime


_FINAL = {
    Verdict.sent: State.sent,
    Verdict.gone: State.failed,
    Verdict.failed: State.failed,
    Verdict.dropped: State.dropped,
    Verdict.expired: State.expired,
}


def before(standing: Standing, now: datetime) -> Step | None:
    """Why it must not be sent after all; None if it may."""
    if standing.has_ended:
        return WITHDRAWN
    if now >= standing.expires_at:
        return EXPIRED
    if not standing.has_device:  # unregistered since, or the phone is somebody else's now (A10)
        return UNREGISTERED
    return SUPERSEDED if standing.has_successor else None


def after(outcome: Outcome, attempts: int, expires_at: datetime, now: datetime) -> Step:
    """What attempt number `attempts` leads to. A retry that would come too late is not waited for."""
    if outcome.verdict in _FINAL:
        return Step(_FINAL[outcome.verdict], outcome.reason)
    delay = timedelta(seconds=RETRY_DELAYS[min(attempts, len(RETRY_DELAYS)) - 1])
    again_at = now + max(delay, outcome.retry_after or delay)
    if again_at >= expires_at:
        return Step(State.expired, outcome.reason)
    return Step(State.pending, outcome.reason, again_at)
