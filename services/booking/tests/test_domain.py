"""The life of a job, step by step: what may follow what, and who may take it."""

import pytest

from booking.domain import ENDED, Life, Rejection, Status, advance, assign, cancel, give_up, retry

ANN, BOB = "driver ann", "driver bob"
STEPS = {
    (Status.accepted, Status.en_route),
    (Status.en_route, Status.arrived),
    (Status.arrived, Status.in_progress),
    (Status.in_progress, Status.completed),
}
ON_A_JOB = {Status.accepted, Status.en_route, Status.arrived, Status.in_progress}


def life(status: Status, attempt: int = 1) -> Life:
    """With Ann as its driver where the status says that there is one."""
    return Life(status, attempt, ANN if status in {*ON_A_JOB, Status.completed} else None)


@pytest.mark.parametrize("status", sorted(set(Status) - ENDED))
def test_job_can_be_cancelled_at_any_stage_before_completion(status: Status) -> None:
    """B11: its driver stays on it, so that it can be told."""
    before = life(status, attempt=3)
    assert cancel(before) == Life(Status.cancelled, 3, before.driver)


@pytest.mark.parametrize(
    ("status", "code"),
    [(Status.completed, "already_completed"), (Status.cancelled, "already_cancelled")],
)
def test_job_that_has_ended_cannot_be_cancelled(status: Status, code: str) -> None:
    """B11"""
    refusal = cancel(life(status))
    assert isinstance(refusal, Rejection)
    assert refusal.code == code


def test_retry_after_a_search_that_found_nobody_is_the_next_attempt() -> None:
    """B10"""
    assert retry(Life(Status.unfulfilled, 1, None)) == Life(Status.pending, 2, None)
    assert retry(Life(Status.unfulfilled, 7, None)) == Life(Status.pending, 8, None)


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.unfulfilled}))
def test_retry_is_refused_while_a_search_runs_or_there_is_a_driver_or_it_is_over(status: Status) -> None:
    """B10: only while it has no driver."""
    refusal = retry(life(status))
    assert isinstance(refusal, Rejection)
    assert refusal.code == "not_retryable"
    assert status in refusal.message


@pytest.mark.parametrize("step", Status)
@pytest.mark.parametrize("status", Status)
def test_driver_takes_the_steps_in_their_one_order(status: Status, step: Status) -> None:
    """C12: each of the 64 pairs is either one of the four steps or refused."""
    before = Life(status, 2, ANN)
    after = advance(before, step, by=ANN)
    if (status, step) in STEPS:
        assert after == Life(step, 2, ANN)
    else:
        assert isinstance(after, Rejection)
        assert after.code == "illegal_step"


@pytest.mark.parametrize(("status", "step"), sorted(STEPS))
@pytest.mark.parametrize("driver", [ANN, None])
def test_nobody_but_its_driver_moves_a_job_on(status: Status, step: Status, driver: str | None) -> None:
    """C12"""
    refusal = advance(Life(status, 1, driver), step, by=BOB)
    assert isinstance(refusal, Rejection)
    assert refusal.code == "forbidden"


@pytest.mark.parametrize("status", [Status.pending, Status.unfulfilled])
def test_assignment_gives_a_job_without_driver_its_driver(status: Status) -> None:
    """B7"""
    assert assign(life(status, attempt=2), BOB, attempt=2) == Life(Status.accepted, 2, BOB)


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.pending, Status.unfulfilled}))
def test_assignment_comes_too_late_for_a_job_that_went_on(status: Status) -> None:
    """B11, DESIGN invariant 2: crossing a cancel it changes nothing, and no job gets a second driver."""
    assert assign(life(status), BOB, attempt=1) is None


@pytest.mark.parametrize("attempt", [1, 3])
@pytest.mark.parametrize("status", Status)
def test_assignment_of_another_attempt_changes_nothing(status: Status, attempt: int) -> None:
    """B10"""
    assert assign(life(status, attempt=2), BOB, attempt=attempt) is None


def test_search_without_a_driver_leaves_its_job_unfulfilled() -> None:
    """B8, B9"""
    assert give_up(life(Status.pending, attempt=2), attempt=2) == Life(Status.unfulfilled, 2, None)


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.pending}))
def test_end_of_a_search_changes_nothing_for_a_job_that_went_on(status: Status) -> None:
    """B8, B9"""
    assert give_up(life(status), attempt=1) is None


@pytest.mark.parametrize("attempt", [1, 3])
def test_end_of_another_attempts_search_changes_nothing(attempt: int) -> None:
    """B10: a late event of attempt 1 does not end attempt 2."""
    assert give_up(life(Status.pending, attempt=2), attempt=attempt) is None
