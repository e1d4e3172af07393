"""The figures that an admin sees (C9), as a fold over the events of jobs, searches and drivers. Pure.

Facts may be told twice and in any order: what is newer by its own count (a job's version, a job's attempt, a
driver's version) stands. What is over is forgotten a day after the newest fact; a fact that comes later than
that may be counted again.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LONGEST = timedelta(days=7)
"""As long as the streams keep events: what nothing was heard of for so long is not counted, so that an edge
that has just started and one that has run for weeks say the same."""
LONG_AGO = datetime.min.replace(tzinfo=UTC)
ENDED = frozenset({"completed", "cancelled"})


@dataclass(frozen=True, slots=True)
class JobTold:
    """The job's status as of this version."""

    job: str
    version: int
    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SearchBegan:
    """The job's search number `attempt` runs."""

    job: str
    attempt: int
    at: datetime


@dataclass(frozen=True, slots=True)
class SearchEnded:
    """It found a driver, or nobody. A search that a cancel ends has no such fact: its job has ended."""

    job: str
    attempt: int
    assigned: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class DriverTold:
    """The driver's state as of this version: offline, available or busy."""

    driver: str
    version: int
    state: str
    at: datetime


Fact = JobTold | SearchBegan | SearchEnded | DriverTold


@dataclass(frozen=True)
class Stats:
    """What the admins' room is told, under these names in camel case."""

    active_bookings: int
    """Jobs neither completed nor cancelled."""
    online_pilots: int
    busy_pilots: int
    """Of those online, the ones on a job."""
    pending_searches: int
    """Jobs for which a driver is being looked for."""
    assigned_searches: int
    failed_searches: int
    """Searches that found a driver, and that found nobody, in the last 24 hours."""
    success_rate: float | None
    """From 0 to 1: assigned of those that ended; None when none has."""
    assigned_last_hour: int
    updated_at: datetime | None
    """When the newest event in it happened."""


@dataclass(slots=True)
class _Job:
    version: int = 0
    ended: bool = False
    attempt: int = 0
    searching: bool = False
    at: datetime = LONG_AGO


@dataclass(slots=True)
class _Driver:
    version: int = -1
    state: str = "offline"
    at: datetime = LONG_AGO


@dataclass
class _Lately:
    """Searches that ended within the last `length`, each once."""

    length: timedelta
    assigned: int = 0
    failed: int = 0
    _known: set[tuple[str, int]] = field(default_factory=set)
    _oldest_first: list[tuple[datetime, str, int, bool]] = field(default_factory=list)

    def add(self, one: SearchEnded) -> None:
        if (one.job, one.attempt) not in self._known:
            self._known.add((one.job, one.attempt))
            heappush(self._oldest_first, (one.at, one.job, one.attempt, one.assigned))
            self._count(one.assigned, 1)

    def forget(self, now: datetime) -> None:
        while self._oldest_first and self._oldest_first[0][0] <= now - self.length:
            _, job, attempt, assigned = heappop(self._oldest_first)
            self._known.remove((job, attempt))
            self._count(assigned, -1)

    def _count(self, assigned: bool, by: int) -> None:
        if assigned:
            self.assigned += by
        else:
            self.failed += by


class Dashboard:
    """Learns facts, and says the figures."""

    def __init__(self) -> None:
        self._jobs: dict[str, _Job] = {}
        self._drivers: dict[str, _Driver] = {}
        self._active: set[str] = set()
        self._pending: set[str] = set()
        self._online: set[str] = set()
        self._busy: set[str] = set()
        self._day, self._hour = _Lately(DAY), _Lately(HOUR)
        self._newest, self._tidied = LONG_AGO, LONG_AGO

    def learn(self, fact: Fact) -> None:
        """One fact; nothing happens if it is old."""
        self._newest = max(self._newest, fact.at)
        if isinstance(fact, DriverTold):
            self._learn_driver(fact)
            return
        job = self._jobs.setdefault(fact.job, _Job())
        job.at = max(job.at, fact.at)
        match fact:
            case JobTold() if fact.version > job.version:
                job.version, job.ended = fact.version, fact.status in ENDED
            case SearchBegan() if fact.attempt > job.attempt:
                job.attempt, job.searching = fact.attempt, True
            case SearchEnded():
                self._day.add(fact)
                self._hour.add(fact)
                if fact.attempt >= job.attempt:
                    job.attempt, job.searching = fact.attempt, False
        _put(self._active, fact.job, job.version > 0 and not job.ended)
        _put(self._pending, fact.job, job.searching and not job.ended)

    def _learn_driver(self, fact: DriverTold) -> None:
        driver = self._drivers.setdefault(fact.driver, _Driver())
        if fact.version > driver.version:
            driver.version, driver.state, driver.at = fact.version, fact.state, fact.at
            _put(self._online, fact.driver, fact.state != "offline")
            _put(self._busy, fact.driver, fact.state == "busy")

    def stats(self, now: datetime) -> Stats:
        """The figures as of `now`, which does not go back."""
        self._day.forget(now)
        self._hour.forget(now)
        if now - self._tidied >= HOUR:
            self._tidy(now)
        ended = self._day.assigned + self._day.failed
        return Stats(
            active_bookings=len(self._active),
            online_pilots=len(self._online),
            busy_pilots=len(self._busy),
            pending_searches=len(self._pending),
            assigned_searches=self._day.assigned,
            failed_searches=self._day.failed,
            success_rate=round(self._day.assigned / ended, 4) if ended else None,
            assigned_last_hour=self._hour.assigned,
            updated_at=self._newest if self._newest > LONG_AGO else None,
        )

    def _tidy(self, now: datetime) -> None:
        self._tidied = now
        for name, job in list(self._jobs.items()):
            going_on = name in self._active or name in self._pending
            if job.at <= now - (LONGEST if going_on else DAY):
                del self._jobs[name]
                self._active.discard(name)
                self._pending.discard(name)
        for name, driver in list(self._drivers.items()):
            if driver.at <= now - (LONGEST if name in self._online else DAY):
                del self._drivers[name]
                self._online.discard(name)
                self._busy.discard(name)


def _put(names: set[str], name: str, inside: bool) -> None:
    if inside:
        names.add(name)
    else:
        names.discard(name)
