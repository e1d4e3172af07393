"""A job's life under any series of commands and news, in any order, however often."""

from collections.abc import Callable
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from booking.domain import (
    ENDED,
    NEXT_STEP,
    Life,
    Rejection,
    Status,
    advance,
    assign,
    cancel,
    give_up,
    retry,
)

DRIVERS = st.sampled_from(["driver ann", "driver bob"])
OFF = st.sampled_from([-1, 0, 1])
"""How many attempts the news is off the job's own."""
LEGAL = {
    *NEXT_STEP.items(),
    (Status.pending, Status.accepted),
    (Status.unfulfilled, Status.accepted),
    (Status.pending, Status.unfulfilled),
    (Status.unfulfilled, Status.pending),
    *((status, Status.cancelled) for status in set(Status) - ENDED),
}
WITH_DRIVER = {*NEXT_STEP, *NEXT_STEP.values()}
Command = Callable[[Life], Life | Rejection]


class JobLife(RuleBasedStateMachine):
    """`lives`: every state that the job was in, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.lives = [Life(Status.pending, 1, None)]
        self.given: list[Command] = []

    @initialize(steps=st.integers(min_value=0, max_value=5), searches=st.integers(min_value=1, max_value=3))
    def begin_anywhere(self, steps: int, searches: int) -> None:
        """Bring the job some way first: left to chance, few jobs would come far."""
        for attempt in range(1, searches):
            self.give(partial(give_up, attempt=attempt))
            self.give(retry)
        if steps:
            self.give(partial(assign, driver="driver ann", attempt=searches))
        for _ in range(1, steps):
            self.driver_takes_the_next_step()

    @property
    def life(self) -> Life:
        return self.lives[-1]

    def give(self, command: Command) -> None:
        self.given.append(command)
        after = command(self.life)
        if isinstance(after, Life):
            assert command(after) == after, "given twice it does more"
            if after != self.life:
                self.lives.append(after)

    @rule()
    def customer_cancels(self) -> None:
        self.give(cancel)

    @rule()
    def customer_retries(self) -> None:
        self.give(retry)

    @rule(step=st.sampled_from(Status), driver=DRIVERS)
    def driver_moves_it_on(self, step: Status, driver: str) -> None:
        before = self.life
        self.give(partial(advance, step=step, by=driver))
        assert self.life == before or driver == self.life.driver

    @precondition(lambda self: self.life.status in NEXT_STEP)
    @rule()
    def driver_takes_the_next_step(self) -> None:
        self.give(partial(advance, step=NEXT_STEP[self.life.status], by=self.life.driver or ""))

    @rule(driver=DRIVERS, off=OFF)
    def matching_finds(self, driver: str, off: int) -> None:
        before = self.life
        self.give(partial(assign, driver=driver, attempt=before.attempt + off))
        assert self.life == before or not off

    @rule(off=OFF)
    def matching_finds_nobody(self, off: int) -> None:
        before = self.life
        self.give(partial(give_up, attempt=before.attempt + off))
        assert self.life == before or not off

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def something_comes_again(self, data: st.DataObject) -> None:
        self.give(data.draw(st.sampled_from(self.given)))

    @invariant()
    def every_step_was_legal(self) -> None:
        for before, after in zip(self.lives, self.lives[1:], strict=False):
            assert (before.status, after.status) in LEGAL
            assert after.attempt - before.attempt == (after.status is Status.pending)

    @invariant()
    def a_driver_is_there_exactly_when_it_should_be(self) -> None:
        for before, after in zip(self.lives, self.lives[1:], strict=False):
            assert before.driver in (None, after.driver), "a job has one driver, and keeps it"
        if self.life.status is not Status.cancelled:
            assert (self.life.driver is not None) == (self.life.status in WITH_DRIVER)


def test_a_job_takes_legal_steps_only_whatever_comes_in_whatever_order() -> None:
    """B9, B10, B11, C12, E1: at most one driver, each command and each news once, an end that stays one."""
    examples = settings(max_examples=300, stateful_step_count=40, deadline=None, derandomize=True)
    run_state_machine_as_test(JobLife, settings=examples)
