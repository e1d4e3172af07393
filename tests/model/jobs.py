"""Every job of a setting that was come across, by number."""

from collections.abc import Sequence
from typing import NamedTuple

from tests.model import invariants
from tests.model.invariants import ONE_OFFER, need
from tests.model.world import Job, part_of, renamed


class JobFacts(NamedTuple):
    """What a state's invariants need to know of a job: bits of drivers, but `holder` is a place or -1."""

    parts: tuple[int, ...]
    live: int
    exclusive: int
    holder: int
    settled: int
    taken: tuple[int, ...]


class Jobs:
    """Equal jobs have one number. A new one is checked when it gets its own."""

    def __init__(self, drivers: int) -> None:
        self.drivers = drivers
        self.known: list[Job] = []
        self.facts: list[JobFacts] = []
        self._numbers: dict[Job, int] = {}
        self._parts: dict[tuple[object, ...], int] = {}
        self._renamed: dict[tuple[int, tuple[int, ...]], int] = {}
        self._heard: dict[tuple[int, int], int] = {}

    def number(self, job: Job) -> int:
        """The job's number."""
        known = self._numbers.get(job)
        if known is None:
            invariants.check_job(job)
            known = self._numbers[job] = len(self.known)
            self.known.append(job)
            self.facts.append(self._facts_of(job))
        return known

    def _facts_of(self, job: Job) -> JobFacts:
        parts = (part_of(job, driver) for driver in range(self.drivers))
        live, holders = invariants.live_offers(job)
        need(len(holders) == len(set(holders)), ONE_OFFER, "two for one job")
        holder = invariants.holder(job)
        return JobFacts(
            tuple(self._parts.setdefault(part, len(self._parts)) for part in parts),
            sum(1 << driver for driver in set(live)),
            sum(1 << driver for driver in holders),
            holder,
            1 << holder if holder >= 0 and job.told("taken") else 0,
            tuple(one.driver for one in job.letters if one.kind == "taken"),
        )

    def rename(self, job: int, order: Sequence[int]) -> int:
        """The same with its drivers in another order."""
        key = (job, tuple(order))
        if key not in self._renamed:
            self._renamed[key] = self.number(renamed(self.known[job], order))
        return self._renamed[key]

    def heard(self, job: int, driver: int) -> int:
        """The same when matching has heard that this driver was taken by it."""
        key = (job, driver)
        if key not in self._heard:
            known = self.known[job]
            for letter in known.letters:
                if letter.kind == "taken" and letter.driver == driver:
                    known = known.hear(letter)
            self._heard[key] = self.number(known)
        return self._heard[key]
