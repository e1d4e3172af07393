"""The life of a job: which step may follow which, and who may take it. Pure."""

from dataclasses import dataclass, replace
from enum import StrEnum


class Status(StrEnum):
    """How far a job has come. The same words as on the wire."""

    pending = "pending"
    accepted = "accepted"
    en_route = "en_route"
    arrived = "arrived"
    in_progress = "in_progress"
    completed = "completed"
    cancelled = "cancelled"
    unfulfilled = "unfulfilled"


NEXT_STEP = {
    Status.accepted: Status.en_route,
    Status.en_route: Status.arrived,
    Status.arrived: Status.in_progress,
    Status.in_progress: Status.completed,
}
"""The driver's steps after the assignment, in their only order (C12)."""

ENDED = frozenset({Status.completed, Status.cancelled})


@dataclass(frozen=True)
class Life:
    """A job as far as its life goes. `attempt` counts searches; `driver` is who has it."""

    status: Status
    attempt: int
    driver: str | None


@dataclass(frozen=True)
class Rejection:
    """Why a command does not apply: a stable code and a sentence."""

    code: str
    message: str


def cancel(life: Life) -> Life | Rejection:
    """At any stage before completion (B11)."""
    if life.status is Status.completed:
        return Rejection("already_completed", "The booking is completed")
    if life.status is Status.cancelled:
        return Rejection("already_cancelled", "The booking is cancelled")
    return replace(life, status=Status.cancelled)


def retry(life: Life) -> Life | Rejection:
    """Search afresh, only after a search that found nobody (B10)."""
    if life.status is not Status.unfulfilled:
        return Rejection("not_retryable", f"A booking that is {life.status} cannot be searched for again")
    return replace(life, status=Status.pending, attempt=life.attempt + 1)


def advance(life: Life, step: Status, by: str) -> Life | Rejection:
    """The driver's next step (C12)."""
    if life.driver != by:
        return Rejection("forbidden", "Only the booking's driver moves it on")
    if NEXT_STEP.get(life.status) is not step:
        return Rejection("illegal_step", f"{step} cannot follow {life.status}")
    return replace(life, status=step)


def assign(life: Life, driver: str, attempt: int) -> Life | None:
    """Matching found a driver. None when it is too late or an old search speaks: matching releases it."""
    if attempt != life.attempt or life.status not in {Status.pending, Status.unfulfilled}:
        return None
    return replace(life, status=Status.accepted, driver=driver)


def give_up(life: Life, attempt: int) -> Life | None:
    """A search ended without a driver. None when it was an old one or the job went on."""
    if attempt != life.attempt or life.status is not Status.pending:
        return None
    return replace(life, status=Status.unfulfilled)
