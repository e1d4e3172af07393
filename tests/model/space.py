"""The states of one setting: each is one integer, and what follows from it is looked up.

A state is how each driver stands and one number for each job; a job's number stands for all of it
(`world.Job`), so equal states are equal integers: nothing is hashed away. What a command makes of a job
depends on that job and on how it finds the drivers, so it is computed once by the real functions and kept.

Drivers who differ by nothing but their names are one: the drivers of a state are put in the order of all
that concerns them. That loses nothing, because the domain never looks into a name.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tests.model import drivers as standings
from tests.model.commands import commands
from tests.model.drivers import BITS, BUSY, FREE, LEAVING
from tests.model.invariants import CRASHED, ONE_JOB, ONE_OFFER, SETTLED, BrokenError, View, need
from tests.model.jobs import Jobs
from tests.model.transactions import Label, Transactions, Turn
from tests.model.world import Job, Setting

JOB_BITS = 24
JOB_MASK, CREW_MASK = (1 << JOB_BITS) - 1, (1 << BITS) - 1
SEEN_BITS, SEEN_MASK = 4, 15
GONE, TAKEN = (
    "{driver} is gone, its offers are withdrawn",
    "{driver} is taken, its other offers are withdrawn",
)


class Move(NamedTuple):
    """What one command makes of one job. `takes`, `frees`: a driver's place, or -1."""

    label: Label
    job: int
    takes: int
    frees: int


class Step(NamedTuple):
    """From one state to another. `order`: where each driver was before."""

    label: Label
    place: int
    state: int
    order: Sequence[int] | None


class StepBrokenError(Exception):
    """A command broke an invariant."""

    def __init__(self, broken: BrokenError, label: Label, place: int = -1) -> None:
        super().__init__(str(broken))
        self.broken, self.label, self.place = broken, label, place


class Space:
    """The states of one setting."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.do = Transactions(setting)
        self.jobs = Jobs(setting.drivers)
        self.facts = self.jobs.facts
        self.tried = 0
        self._views: dict[int, View] = {}
        self._moves: dict[int, tuple[list[Move], int]] = {}
        self._withdrawn: dict[tuple[int, int, int], list[int]] = {}
        self._changes: dict[int, list[tuple[Label, int]]] = {}

    # --- states

    def start(self) -> int:
        """Everybody free, nothing ordered."""
        count = self.setting.jobs
        wishes = self.setting.wishes or (None,) * count
        kinds = [min(place, len(self.setting.rules) - 1) for place in range(count)]
        jobs = [
            self.jobs.number(Job(None, wish=wish, kind=kind))
            for wish, kind in zip(wishes, kinds, strict=True)
        ]
        return self.pack([FREE] * self.setting.drivers, jobs)[0]

    def unpack(self, state: int) -> tuple[list[int], list[int]]:
        """How each driver stands, and the jobs' numbers."""
        jobs, crew = [], []
        for _ in range(self.setting.jobs):
            jobs.append(state & JOB_MASK)
            state >>= JOB_BITS
        for _ in range(self.setting.drivers):
            crew.append(state & CREW_MASK)
            state >>= BITS
        return crew[::-1], jobs[::-1]

    def pack(self, crew: Sequence[int], jobs: Sequence[int]) -> tuple[int, Sequence[int] | None]:
        """The state, and the order of its drivers if that is not the one they came in."""
        keys, order = crew, None
        for job in jobs:
            keys = [key << JOB_BITS | part for key, part in zip(keys, self.facts[job].parts, strict=True)]
        if keys != sorted(keys):
            order = sorted(range(len(keys)), key=keys.__getitem__)
            crew = [crew[place] for place in order]
            jobs = [self.jobs.rename(job, order) for job in jobs]
        return self.join(crew, jobs), order

    def join(self, crew: Sequence[int], jobs: Sequence[int]) -> int:
        """The inverse of `unpack`."""
        state = 0
        for driver in crew:
            state = state << BITS | driver
        for job in jobs:
            state = state << JOB_BITS | job
        return state

    def check(self, state: int) -> None:
        """What must hold of several jobs and drivers at once."""
        crew, jobs = self.unpack(state)
        held = [self.facts[job] for job in jobs]
        busy = [0] * len(crew)
        exclusive = settled = 0
        for place, facts in enumerate(held, start=1):
            need(not exclusive & facts.exclusive, ONE_OFFER, "two, for two jobs")
            exclusive |= facts.exclusive
            settled |= facts.settled
            if facts.holder >= 0:
                need(not busy[facts.holder], ONE_JOB, "one driver has two jobs")
                busy[facts.holder] = place
        for driver, standing in enumerate(crew):
            need(standing & BUSY == busy[driver], ONE_JOB, _differ(standing & BUSY, busy[driver]))
            gone = settled >> driver & 1 or (not standing & LEAVING and standing & FREE != FREE)
            need(not (gone and exclusive >> driver & 1), SETTLED, "one of them does")

    # --- what can follow

    def steps(self, state: int) -> list[Step]:
        """Every step that leads from here to a state, which may be this one again."""
        crew, jobs = self.unpack(state)
        return self._of_jobs(crew, jobs) + self._of_drivers(crew, jobs)

    def _of_jobs(self, crew: list[int], jobs: list[int]) -> list[Step]:
        steps, pack = [], self.pack
        for place, job in enumerate(jobs):
            moves, tried = self._moves_of(place, job, self._view(crew, jobs, place))
            self.tried += tried
            for label, after, takes, frees in moves:
                then = jobs.copy()
                then[place] = after
                who = crew
                if takes >= 0:
                    who = crew.copy()
                    who[takes] = crew[takes] & ~BUSY | place + 1
                elif frees >= 0 and crew[frees] & BUSY == place + 1:
                    who = crew.copy()
                    who[frees] = crew[frees] & ~BUSY
                steps.append(Step(label, place, *pack(who, then)))
        return steps

    def _view(self, crew: Sequence[int], jobs: Sequence[int], place: int) -> int:
        """How a transaction on the job at `place` finds the drivers."""
        key = 0
        for other, job in enumerate(jobs):
            if other != place:
                key |= self.facts[job].exclusive
        for driver in crew:
            key = key << SEEN_BITS | (driver & FREE | bool(driver & BUSY))
        return key

    def _view_of(self, key: int) -> View:
        if key not in self._views:
            rest, count = key, self.setting.drivers
            crew = [(rest >> SEEN_BITS * place) & SEEN_MASK for place in reversed(range(count))]
            holds = rest >> SEEN_BITS * count
            self._views[key] = tuple(
                standings.seen(driver, holds=bool(holds >> place & 1)) for place, driver in enumerate(crew)
            )
        return self._views[key]

    def _moves_of(self, place: int, job: int, view: int) -> tuple[list[Move], int]:
        key = view << JOB_BITS | job
        known = self._moves.get(key)
        if known is None:
            known = self._moves[key] = self._compute(place, job, self._view_of(view))
        return known

    def _compute(self, place: int, job: int, view: View) -> tuple[list[Move], int]:
        """What every command makes of the job, each result once; and how many there were."""
        found: dict[tuple[int, int, int], Label] = {}
        tried = 0
        for label, run in commands(self.do, self.jobs.known[job], view):
            tried += 1
            try:
                for turn in run():
                    found.setdefault(self._result(turn), label)
            except BrokenError as broken:
                raise StepBrokenError(broken, label, place) from broken
            except Exception as error:
                crashed = BrokenError(CRASHED, repr(error))
                raise StepBrokenError(crashed, label, place) from error
        found.pop((job, -1, -1), None)
        return [Move(label, *result) for result, label in found.items()], tried

    def _result(self, turn: Turn) -> tuple[int, int, int]:
        return self.jobs.number(turn.job), turn.takes, turn.frees

    def _of_drivers(self, crew: list[int], jobs: list[int]) -> list[Step]:
        steps = []
        for driver, standing in enumerate(crew):
            for label, after in self._changes_of(driver, standing):
                who = crew.copy()
                who[driver] = after
                steps.append(Step(label, -1, *self.pack(who, jobs)))
            if standing & LEAVING:
                who = crew.copy()
                who[driver] = standing & ~LEAVING
                steps += self._settled(GONE, driver, who, jobs)
        for place, job in enumerate(jobs):
            for driver in self.facts[job].taken:
                heard = jobs.copy()
                heard[place] = self._heard(job, driver)
                steps += self._settled(TAKEN, driver, crew, heard)
        return steps

    def _changes_of(self, driver: int, standing: int) -> list[tuple[Label, int]]:
        key = driver << BITS | standing
        if key not in self._changes:
            changed = standings.changes(standing, self.setting)
            self._changes[key] = [
                (Label(text, driver), after) for text, after in changed if after != standing
            ]
        return self._changes[key]

    def _heard(self, job: int, driver: int) -> int:
        try:
            return self.jobs.heard(job, driver)
        except BrokenError as broken:
            raise StepBrokenError(broken, Label(TAKEN, driver)) from broken

    def _settled(self, text: str, driver: int, crew: list[int], jobs: list[int]) -> list[Step]:
        """`usecases.settle`, in one transaction: each job in turn, the next finding what the last one did."""
        label, ways = Label(text, driver), [jobs]
        for place, job in enumerate(jobs):
            if self.facts[job].live >> driver & 1:
                ways = [
                    [*way[:place], after, *way[place + 1 :]]
                    for way in ways
                    for after in self._withdraw(way, place, label, self._view(crew, way, place))
                ]
        self.tried += 1
        return [Step(label, -1, *self.pack(crew, way)) for way in ways]

    def _withdraw(self, jobs: list[int], place: int, label: Label, view: int) -> list[int]:
        key = (jobs[place], view, label.driver)
        if key not in self._withdrawn:
            try:
                turns = list(
                    self.do.withdraw(self.jobs.known[jobs[place]], self._view_of(view), label.driver)
                )
                self._withdrawn[key] = list(dict.fromkeys(self.jobs.number(turn.job) for turn in turns))
            except BrokenError as broken:
                raise StepBrokenError(broken, label) from broken
        return self._withdrawn[key]


def _differ(stands: int, should: int) -> str:
    """A sentence about a driver's active job."""
    if not should:
        return "a driver is busy with a job that nobody assigned to it"
    return "a driver is busy with another job" if stands else "a driver has a job and is not busy"
