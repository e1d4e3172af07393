"""What the invariants are checked on, and what a violation is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from city.api import Aftermath, Dispatch, Offer
from city.ledger import JobSeen

ORDER = ("pending", "accepted", "en_route", "arrived", "in_progress", "completed")
RANK = {status: rank for rank, status in enumerate(ORDER)}
HELD = frozenset(ORDER[1:])
"""Statuses of a booking that has a driver."""
ENDED = frozenset({"completed", "cancelled"})


@dataclass(frozen=True)
class Violation:
    """`rule` is the invariant's number; `jobs` and `drivers` are whom it is about."""

    rule: int
    text: str
    jobs: frozenset[str] = frozenset()
    drivers: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"invariant {self.rule}: {self.text}"


@dataclass(frozen=True)
class Evidence:
    """All there is to judge.

    `disturbed`: a process was killed meanwhile. Events then come late, and an edge, which shows nothing older
    than what it showed already, may skip a step.
    """

    jobs: Mapping[str, JobSeen]
    after: Aftermath
    disturbed: bool = False


def taken_openly(dispatch: Dispatch | None, offer: Offer) -> bool:
    """Whether the job stood open to all when this offer was accepted: its own end does not matter then."""
    if dispatch is None or offer.answered_at is None:
        return False
    mine = (attempt for attempt in dispatch.attempts if offer in attempt.offers)
    return any(attempt.stood_open for attempt in mine)


def offers_of(dispatch: Dispatch | None) -> Iterator[Offer]:
    """Every offer of a job, oldest first."""
    for attempt in dispatch.attempts if dispatch else ():
        yield from attempt.offers
