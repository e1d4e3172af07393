"""Every transaction on one job, put together from the real domain functions as the use cases put them.

What the use cases read elsewhere comes in from outside: how the drivers stand (`View`), and where they are.
Where they are is nobody's to say: an answer is computed for every place that they could be at, so that one
transaction can end in several ways (`Turn`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from math import inf
from typing import NamedTuple
from uuid import UUID

from tests.model import invariants
from tests.model.invariants import ENDS, BrokenError, Seen, View
from tests.model.world import JOB, NAMES, NOW, Job, Letter, Setting, index_of, plain

from booking import domain as booking
from matching import domain
from matching.policies import candidates, choose
from matching.policies.candidates import Candidate, Standing
from matching.policies.choose import Ask, Climb, GiveUp
from matching.states import (
    Assigned,
    Closed,
    Driver,
    Ended,
    Happened,
    Outcome,
    Policy,
    Rejection,
    Released,
    Search,
    SearchState,
)

NEAR_M, FAR_M = 1_000, 10_000
"""Distances inside the first radius of a step, and inside its last one only."""


class Turn(NamedTuple):
    """One way in which a transaction can end: the job afterwards, and the driver who is busy or free now."""

    job: Job
    takes: int = -1
    frees: int = -1


class Label(NamedTuple):
    """What was done, for the story; `driver` is who did it or to whom it was done, -1 for nobody."""

    text: str
    driver: int = -1


class Place(NamedTuple):
    """Where a driver is at this moment, and whether another transaction holds its row."""

    distance_m: float
    held: bool = False


MOST_LOOKS = 50
"""More often than any ladder has steps and drivers to pass over."""
AWAY = Place(inf)
"""Out of everybody's reach, or nobody knows where."""
Command = tuple[Label, Callable[[], Iterable[Turn]]]


def numbered(search: Search) -> Callable[[], UUID]:
    """Ids of offers, from their numbers, so that equal worlds have equal ids."""
    numbers = iter(range(len(search.offers) + 1, 100))
    return lambda: UUID(int=next(numbers))


def standing(seen: Seen, search: Search, driver: int) -> Standing:
    """What the database says of a driver."""
    here = any(one.exclusive and one.driver == NAMES[driver] for one in search.live)
    return Standing(seen.approved, seen.online, False, seen.busy, None, here or seen.holds)


def untried(search: Search, driver: int) -> bool:
    """Whether the driver has had no offer in this search (B6)."""
    return NAMES[driver] not in search.tried


class Transactions:
    """The transactions of one setting. Nothing in here changes; answers are kept."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._drivers = range(setting.drivers)
        self._answers: dict[tuple[Search, View, int | None], list[tuple[Search, tuple[Happened, ...]]]] = {}
        radii = {radius for rules in setting.rules for step in rules.steps for radius in step.radii_m}
        near = [AWAY, Place(NEAR_M), Place(NEAR_M, held=True)]
        self._places = [*near, Place(FAR_M), Place(FAR_M, held=True)] if len(radii) > 1 else near

    # --- matching

    def start_search(self, job: Job, view: View, attempt: int) -> Iterator[Turn]:
        """`usecases.start_search`."""
        if is_known(job, attempt):
            return
        begun = domain.start(UUID(int=attempt), JOB, attempt, self.setting.rules[job.kind], NOW)
        yield from self._record_all(job, view, None, self.ask_next(job, view, begun))

    def accept(self, job: Job, view: View, driver: int) -> Iterator[Turn]:
        """`usecases.accept`."""
        search = job.newest
        if search is None:
            return
        who = Driver(NAMES[driver], view[driver].approved, UUID(int=2) if view[driver].busy else None)
        decided = domain.accept(search, who, NOW, numbered(search))
        invariants.check_answer(search, who, decided)
        if not isinstance(decided, Rejection):
            yield self.record(job, view, search, decided)

    def decline(self, job: Job, view: View, driver: int) -> Iterator[Turn]:
        """`usecases.decline`."""
        search = job.newest
        decided = domain.decline(search, NAMES[driver], NOW) if search else None
        if isinstance(decided, Outcome):
            yield from self._record_all(job, view, search, self.go_on(job, view, decided))

    def offer_due(self, job: Job, view: View, search: Search, offer: UUID) -> Iterator[Turn]:
        """`usecases.offer_due`: a timer, at its time, early, late or again; or the sweep."""
        outcome = domain.expire(search, offer, NOW)
        yield from self._record_all(job, view, search, self.go_on(job, view, outcome))

    def search_due(self, job: Job, view: View, search: Search) -> Iterator[Turn]:
        """`usecases.search_due`: a timer, at its time, early, late or again; or the sweep."""
        yield self.record(job, view, search, domain.time_out(search, NOW))

    def ask_again(self, job: Job, view: View, search: Search) -> Iterator[Turn]:
        """`usecases.ask_again`: the sweep, for a search that waits for nobody."""
        yield from self._record_all(job, view, search, self.ask_next(job, view, Outcome(search)))

    def offer_to_newcomer(self, job: Job, view: View, search: Search, driver: int) -> Iterator[Turn]:
        """`usecases.offer_to_newcomer`: a driver came online in reach of an open broadcast (A9)."""
        if search.open and untried(search, driver) and not search.over(NOW):
            offered = domain.offer(search, [NAMES[driver]], NOW, numbered(search))
            yield self.record(job, view, search, offered)

    def withdraw(self, job: Job, view: View, driver: int) -> Iterator[Turn]:
        """This job's share of `usecases.settle`: the driver is busy or offline, and holds no offer."""
        search = job.newest
        if search is None or not any(one.driver == NAMES[driver] for one in search.live):
            yield Turn(job)
            return
        outcome = domain.withdraw(search, NAMES[driver], "driver_busy", NOW)
        yield from self._record_all(job, view, search, self.go_on(job, view, outcome))

    def job_cancelled(self, job: Job, view: View, letter: Letter) -> Iterator[Turn]:
        """`usecases.job_cancelled`."""
        found = job.newest
        if found is None or found.attempt < letter.attempt:
            begun = domain.start(
                UUID(int=letter.attempt), JOB, letter.attempt, self.setting.rules[job.kind], NOW
            )
            job = job.keep(plain(domain.cancel(begun.search, NOW).search, reasons=self.setting.reasons))
        if found is None:
            yield Turn(job)
        else:
            yield self.record(job, view, found, domain.cancel(found, NOW))

    def end_search(self, job: Job, view: View, life: booking.Life) -> Iterator[Turn]:
        """`commands.end_search`: what the event has it do, which comes all the same."""
        for turn in self.job_cancelled(job, view, Letter("cancelled", life.attempt)):
            invariants.check_ended(turn.job)
            yield turn

    def job_moved_on(self, job: Job, _view: View, letter: Letter) -> Iterator[Turn]:
        """`usecases.job_moved_on`: the trip is over, the driver is free."""
        yield Turn(job, frees=letter.driver)

    # --- what they have in common

    def record(self, job: Job, view: View, before: Search | None, outcome: Outcome) -> Turn:
        """`usecases._record`: keep the search, tell what happened, and mind the driver."""
        invariants.check_step(before, outcome, view, job.wish)
        after, takes, frees, letters = outcome.search, -1, -1, []
        for happened in outcome.happened:
            match happened:
                case Assigned(offer):
                    takes = index_of(offer.driver)
                    letters += [
                        Letter("assigned", after.attempt, takes),
                        Letter("taken", after.attempt, takes),
                    ]
                case Released(driver):
                    frees = index_of(driver)
                case Ended() if after.state in (SearchState.failed, SearchState.timed_out):
                    letters.append(Letter("ended", after.attempt))
        return Turn(job.keep(plain(after, reasons=self.setting.reasons)).write(letters), takes, frees)

    def _record_all(
        self, job: Job, view: View, before: Search | None, outcomes: Iterable[Outcome]
    ) -> Iterator[Turn]:
        for outcome in outcomes:
            yield self.record(job, view, before, outcome)

    def go_on(self, job: Job, view: View, outcome: Outcome) -> Iterable[Outcome]:
        """`usecases._go_on`: after an offer ended, the next driver is asked."""
        if any(isinstance(one, Closed) for one in outcome.happened):
            return self.ask_next(job, view, outcome)
        return [outcome]

    def ask_next(self, job: Job, view: View, so_far: Outcome) -> list[Outcome]:
        """`asking.ask_next`, wherever the drivers are: every answer that it can come to."""
        search, wish = so_far.search, job.wish
        key = (search, view, wish)
        if key not in self._answers:
            ways = product(
                *(self._places if _askable(search, view, one) else [AWAY] for one in self._drivers)
            )
            asked = dict.fromkeys(self._asked(search, view, wish, places) for places in ways)
            self._answers[key] = [(one.search, one.happened) for one in asked]
        return [Outcome(after, so_far.happened + more) for after, more in self._answers[key]]

    def _asked(self, search: Search, view: View, wish: int | None, places: Sequence[Place]) -> Outcome:
        """The loop of `asking.ask_next`, with drivers at these places."""
        happened: tuple[Happened, ...] = ()
        contended: set[str] = set()
        if search.over(NOW):
            return Outcome(search)
        for _ in range(MOST_LOOKS):
            match choose.next_step(search, _candidates(search, view, wish, places, contended)):
                case Ask(drivers):
                    taken = {one for one in drivers if search.step.exclusive and places[index_of(one)].held}
                    contended |= taken
                    if taken:
                        continue
                    outcome = domain.offer(search, drivers, NOW, numbered(search))
                case Climb() if not contended:
                    search = domain.climb(search).search
                    continue
                case GiveUp(failure) if not contended:
                    outcome = domain.fail(search, failure, NOW)
                case _:
                    outcome = Outcome(search)
            return Outcome(outcome.search, happened + outcome.happened)
        raise BrokenError(ENDS, "it looks for drivers for ever")


def is_known(job: Job, attempt: int) -> bool:
    """An attempt that is known already, or older than one that is, is not begun."""
    return job.newest is not None and job.newest.attempt >= attempt


def _askable(search: Search, view: View, driver: int) -> bool:
    """Whether it matters where the driver is."""
    stands = standing(view[driver], search, driver)
    return untried(search, driver) and not candidates.gate(stands, None, exclusive=False)


def _candidates(
    search: Search, view: View, wish: int | None, places: Sequence[Place], contended: set[str]
) -> list[Candidate]:
    """`asking`: who may be asked and is in reach of the present step."""
    step, found = search.step, []
    reach = max(step.radii_m, default=FAR_M)
    for driver, place in enumerate(places):
        wished = step.policy is not Policy.direct or driver == wish
        if not wished or place.distance_m > reach or NAMES[driver] in contended:
            continue
        stands = standing(view[driver], search, driver)
        if untried(search, driver) and not candidates.gate(stands, None, exclusive=step.exclusive):
            found.append(Candidate(NAMES[driver], place.distance_m + driver))
    return found


def book(life: booking.Life | None, after: booking.Life | booking.Rejection) -> booking.Life | None:
    """`booking.usecases._change`: the life afterwards, checked; None when nothing changed."""
    if isinstance(after, booking.Rejection) or after == life:
        return None
    invariants.check_life(life, after)
    return after
