"""The dashboard's figures as a fold: whatever the order of the facts, and however often they are told."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from realtime.dashboard import (
    Dashboard,
    DriverTold,
    Fact,
    JobTold,
    SearchBegan,
    SearchEnded,
    Stats,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
STATUSES = ["pending", "accepted", "in_progress", "unfulfilled", "completed", "cancelled"]
NOTHING = Stats(0, 0, 0, 0, 0, 0, None, 0, None)


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def stats_of(*facts: Fact, now: datetime = NOW) -> Stats:
    dashboard = Dashboard()
    for fact in facts:
        dashboard.learn(fact)
    return dashboard.stats(now)


times = st.integers(0, 23 * 60 - 1).map(lambda minutes: ago(minutes=minutes))


@st.composite
def a_job(draw: st.DrawFn, name: str) -> list[Fact]:
    """Its versions, and its searches, of which some have ended; not all need to be known."""
    versions = draw(st.lists(st.sampled_from(STATUSES), max_size=4))
    facts: list[Fact] = [
        JobTold(name, version, status, draw(times)) for version, status in enumerate(versions, start=1)
    ]
    for attempt in range(1, draw(st.integers(0, 3)) + 1):
        if draw(st.booleans()):
            facts.append(SearchBegan(name, attempt, draw(times)))
        if draw(st.booleans()):
            facts.append(SearchEnded(name, attempt, draw(st.booleans()), draw(times)))
    return facts


@st.composite
def a_driver(draw: st.DrawFn, name: str) -> list[Fact]:
    states = draw(st.lists(st.sampled_from(["offline", "available", "busy"]), max_size=4))
    return [DriverTold(name, version, state, draw(times)) for version, state in enumerate(states)]


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Each fact at least once, in any order."""
    jobs = [draw(a_job(f"job{number}")) for number in range(draw(st.integers(0, 4)))]
    drivers = [draw(a_driver(f"driver{number}")) for number in range(draw(st.integers(0, 3)))]
    once = [fact for facts in (*jobs, *drivers) for fact in facts]
    again = draw(st.lists(st.sampled_from(once), max_size=10)) if once else []
    return draw(st.permutations(once + again))


@dataclass
class Recount:
    """The same figures, counted afresh from all the facts."""

    facts: set[Fact]

    def last(self, kind: type[JobTold] | type[DriverTold]) -> list[JobTold | DriverTold]:
        told = [fact for fact in self.facts if isinstance(fact, kind)]
        key = (lambda f: f.job) if kind is JobTold else (lambda f: f.driver)
        groups = groupby(sorted(told, key=key), key)
        return [max(group, key=lambda one: one.version) for _, group in groups]

    def pending(self, over: set[str]) -> int:
        ended = {(one.job, one.attempt) for one in self.facts if isinstance(one, SearchEnded)}
        begun = {(one.job, one.attempt) for one in self.facts if isinstance(one, SearchBegan)}
        newest = {job: max(n for other, n in ended | begun if other == job) for job, _ in ended | begun}
        return sum(job not in over and (job, n) not in ended for job, n in newest.items())

    def stats(self) -> Stats:
        jobs = {one.job: one.status for one in self.last(JobTold) if isinstance(one, JobTold)}
        over = {job for job, status in jobs.items() if status in {"completed", "cancelled"}}
        states = [one.state for one in self.last(DriverTold) if isinstance(one, DriverTold)]
        ends = [one for one in self.facts if isinstance(one, SearchEnded)]
        won = [one for one in ends if one.assigned]
        return Stats(
            active_bookings=len(jobs.keys() - over),
            online_pilots=sum(state != "offline" for state in states),
            busy_pilots=states.count("busy"),
            pending_searches=self.pending(over),
            assigned_searches=len(won),
            failed_searches=len(ends) - len(won),
            success_rate=round(len(won) / len(ends), 4) if ends else None,
            assigned_last_hour=sum(one.at > ago(hours=1) for one in won),
            updated_at=max((fact.at for fact in self.facts), default=None),
        )


@given(histories(), st.sets(st.integers(0, 60)))
def test_figures_are_those_of_a_recount_in_any_order(history: list[Fact], looks: set[int]) -> None:
    """C9: told twice, out of order, and looked at in between."""
    dashboard = Dashboard()
    for number, fact in enumerate(history):
        dashboard.learn(fact)
        if number in looks:
            dashboard.stats(NOW)
    assert dashboard.stats(NOW) == Recount(set(history)).stats()


def test_nothing_told_is_nothing_counted() -> None:
    """C9: no rate of nothing."""
    assert stats_of() == NOTHING


def test_searches_count_for_a_day() -> None:
    """C9: assignedLastHour for an hour."""
    searches = [
        SearchEnded("a", 1, assigned=True, at=ago(minutes=59)),
        SearchEnded("b", 1, assigned=True, at=ago(hours=23)),
        SearchEnded("c", 1, assigned=False, at=ago(hours=22)),
        SearchEnded("d", 1, assigned=False, at=ago(hours=25)),
    ]
    dashboard = Dashboard()
    for one in searches:
        dashboard.learn(one)
    first = dashboard.stats(NOW)
    assert (first.assigned_searches, first.failed_searches, first.success_rate) == (2, 1, 0.6667)
    assert first.assigned_last_hour == 1
    later = dashboard.stats(NOW + timedelta(hours=1, minutes=30))
    assert (later.assigned_searches, later.failed_searches, later.success_rate) == (1, 1, 0.5)
    assert later.assigned_last_hour == 0
    assert dashboard.stats(NOW + timedelta(hours=24)).success_rate is None


def test_a_cancelled_job_is_searched_for_no_more_and_counts_as_no_failure() -> None:
    """C9, B11: such a search ends without an event of its own."""
    running = stats_of(JobTold("a", 1, "pending", NOW), SearchBegan("a", 1, NOW))
    assert (running.active_bookings, running.pending_searches) == (1, 1)
    off = stats_of(
        JobTold("a", 1, "pending", NOW), SearchBegan("a", 1, NOW), JobTold("a", 2, "cancelled", NOW)
    )
    assert off == replace(NOTHING, updated_at=NOW)


def test_what_nothing_was_heard_of_for_a_week_is_not_counted() -> None:
    """C9: as by an edge that reads the streams anew."""
    facts: list[Fact] = [
        JobTold("old", 1, "accepted", ago(days=7)),
        JobTold("a", 1, "accepted", ago(days=6)),
        SearchBegan("old", 1, ago(days=7)),
        DriverTold("old", 1, "available", ago(days=7)),
        DriverTold("dan", 1, "busy", ago(days=6)),
    ]
    stats = stats_of(*facts)
    assert (stats.active_bookings, stats.pending_searches) == (1, 0)
    assert (stats.online_pilots, stats.busy_pilots) == (1, 1)


def test_what_is_over_is_forgotten_after_a_day() -> None:
    """C9: an edge that is watched for weeks does not grow."""
    dashboard = Dashboard()
    for number in range(100):
        at = ago(days=30) + timedelta(hours=number)
        dashboard.learn(JobTold(f"job{number}", 1, "completed", at))
        dashboard.learn(SearchEnded(f"job{number}", 1, True, at))
        dashboard.learn(DriverTold(f"driver{number}", 1, "offline", at))
        dashboard.stats(at)
    assert max(len(dashboard._jobs), len(dashboard._drivers), len(dashboard._day._known)) <= 26
