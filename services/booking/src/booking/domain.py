"""The life of a job: which step may follow which, and who may take it. Pure.

    pending       assign → accepted, give_up → unfulfilled, cancel → cancelled
    accepted      advance → en_route, cancel → cancelled
    en_route      advance → arrived, cancel → cancelled
    arrived       advance → in_progress, cancel → cancelled
    in_progress   advance → completed, cancel → cancelled
    unfulfilled   retry → pending (next attempt), assign → accepted, cancel → cancelled
    completed     nothing
    cancelled     nothing

A person's command gives the life afterwards or a `Rejection`; news from matching always gives a life. If that
equals the life before, nothing happened: the command was repeated, or the news is old. In one attempt
matching finds a driver or nobody, never both. A driver's release is the echo of a cancel, and is not heard.
"""

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
"""Nothing follows."""


UNDER_WAY = (Status.pending, *NEXT_STEP)
"""A driver is looked for, or is at work on it."""


@dataclass(frozen=True)
class Life:
    """A job as far as its life goes. `attempt` counts searches, from 1; `driver` is who has it."""

    status: Status
    attempt: int
    driver: str | None


@dataclass(frozen=True)
class Rejection:
    """Why a command does not apply: a stable code and a sentence."""

    code: str
    message: str


def cancel(life: Life) -> Life | Rejection:
    """At any stage before completion (B11). Its driver stays on it, so that it can be told."""
    if life.status is Status.completed:
        return Rejection("already_completed", "The booking is completed")
    return replace(life, status=Status.cancelled)


def retry(life: Life) -> Life | Rejection:
    """Search afresh, only after a search that found nobody (B10).

    While a later search than the first runs, this is the command that began it, repeated.
    """
    if life.status is Status.pending and life.attempt > 1:
        return life
    if life.status is not Status.unfulfilled:
        return Rejection("not_retryable", f"A booking that is {life.status} cannot be searched for again")
    return replace(life, status=Status.pending, attempt=life.attempt + 1)


def advance(life: Life, step: Status, by: str) -> Life | Rejection:
    """The driver's next step, or its last one repeated (C12)."""
    if life.driver != by:
        return Rejection("forbidden", "Only the booking's driver moves it on")
    if life.status is step and step in NEXT_STEP.values():
        return life
    if NEXT_STEP.get(life.status) is not step:
        return Rejection("illegal_step", f"{step} cannot follow {life.status}")
    return replace(life, status=step)


def assign(life: Life, driver: str, attempt: int) -> Life:
    """Matching found a driver (B7). Nothing when a cancel came first (matching hears of it, and releases the
    driver), when there is a driver already, or when an old search speaks."""
    if attempt != life.attempt or life.status not in {Status.pending, Status.unfulfilled}:
        return life
    return replace(life, status=Status.accepted, driver=driver)


def give_up(life: Life, attempt: int) -> Life:
    """A search ended without a driver (B8, B9). Nothing when it was an old one or the job went on."""
    if attempt != life.attempt or life.status is not Status.pending:
        return life
    return replace(life, status=Status.unfulfilled)
