"""Breadth first through every reachable state, so that what is found first is found by a shortest way."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.model.invariants import BrokenError
from tests.model.space import Space, StepBrokenError
from tests.model.transactions import Label
from tests.model.world import Setting

REPORT_EVERY = 20_000


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold, and a shortest way to where it does not."""

    rule: str
    how: str
    states: tuple[int, ...]
    last: Label | None = None
    """The command that broke it, if it was not the state that it led to."""
    place: int = -1
    """The job that it was given to, if to one."""

    @property
    def length(self) -> int:
        """Steps from the start until it is broken."""
        return len(self.states) - (self.last is None)


@dataclass(frozen=True)
class Result:
    """What the exploration of a setting came to."""

    setting: Setting
    states: int
    transitions: int
    tried: int
    seconds: float
    space: Space
    violation: Violation | None = None


class Exploration:
    """One setting, explored until nothing new is left or something is broken."""

    def __init__(self, setting: Setting, report: Callable[[int, int], None] | None = None) -> None:
        self.space = Space(setting)
        self.came_from: dict[int, int] = {}
        self.transitions = 0
        self.report = report or (lambda states, waiting: None)

    def run(self) -> Result:
        """Every reachable state, or until an invariant is broken."""
        began, violation = time.perf_counter(), None
        start = self.space.start()
        self.came_from[start] = -1
        frontier = [start]
        while frontier and violation is None:
            frontier, violation = self._next(frontier)
        return Result(
            self.space.setting,
            len(self.came_from),
            self.transitions,
            self.space.tried,
            time.perf_counter() - began,
            self.space,
            violation,
        )

    def _next(self, frontier: list[int]) -> tuple[list[int], Violation | None]:
        """The states one step further away."""
        found: list[int] = []
        came_from, steps, check = self.came_from, self.space.steps, self.space.check
        for state in frontier:
            new = state
            try:
                for step in steps(state):
                    self.transitions += 1
                    new = step.state
                    if new not in came_from:
                        came_from[new] = state
                        check(new)
                        found.append(new)
                        if not len(came_from) % REPORT_EVERY:
                            self.report(len(came_from), len(found))
            except BrokenError as error:
                return found, Violation(error.rule, error.how, self._way_to(new))
            except StepBrokenError as error:
                rule, how, way = error.broken.rule, error.broken.how, self._way_to(state)
                return found, Violation(rule, how, way, error.label, error.place)
        return found, None

    def _way_to(self, state: int) -> tuple[int, ...]:
        way = [state]
        while (state := self.came_from[state]) != -1:
            way.append(state)
        return tuple(reversed(way))
