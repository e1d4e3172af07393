"""What matching counts and measures of its searches, offers and deadlines, once they are committed.

Of several replicas counters and histograms add up; the gauges that `stock` sets say the same on each.
"""

from datetime import UTC, datetime

from prometheus_client import Counter, Gauge, Histogram

from matching.states import (
    Assigned,
    Closed,
    Ended,
    Failure,
    Offered,
    OfferState,
    Outcome,
    Released,
    Search,
    SearchState,
    Started,
)
from matching.store import SearchRow

WAIT_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 90, 120, 180, 300)
"""Bounds in seconds of what a customer waits for: two minutes, if the service type says nothing else."""
LATE_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
MOST_TYPES = 50
"""Service types that have time series of their own; an admin may set up any number. The rest are `other`."""

STARTED = Counter("waggle_searches_started_total", "Searches begun, retries included", ["service_type"])
ENDED = Counter("waggle_searches_ended_total", "Searches by how they ended", ["outcome", "service_type"])
RELEASED = Counter("waggle_assignments_released_total", "Assignments that a cancelled job took back")
FIRST_OFFER = Histogram(
    "waggle_search_first_offer_seconds",
    "From the customer's order, or retry, to the first offer",
    ["service_type"],
    buckets=WAIT_S,
)
ASSIGNMENT = Histogram(
    "waggle_search_assignment_seconds",
    "From the customer's order, or retry, to the assignment",
    ["service_type"],
    buckets=WAIT_S,
)
OFFERS = Histogram(
    "waggle_search_offers",
    "Offers that a search took, by how it ended",
    ["outcome"],
    buckets=(0, 1, 2, 3, 5, 8, 10, 20, 50, 100),
)
OFFERS_ENDED = Counter("waggle_offers_ended_total", "Offers by how they ended", ["outcome"])
LATENESS = Histogram(
    "waggle_deadline_lateness_seconds", "How late a deadline was dealt with", ["kind"], buckets=LATE_S
)

OPEN = Gauge("waggle_searches_open", "Searches that look for a driver")
OVERDUE = Gauge("waggle_deadline_overdue_seconds", "How long the oldest deadline is past its time", ["kind"])
DRIVERS = Gauge("waggle_drivers", "Drivers who are online or on a job", ["state"])
SUPPLY = Gauge("waggle_supply_drivers", "Drivers whose place this replica's map knows")

ENDED.labels(Failure.unknown_service_type.value, "unknown")  # an alert sees it grow only from 0
_types: set[str] = set()


def count(row: SearchRow, before: Search | None, outcome: Outcome) -> None:
    """What a command did to a search. For `Transaction.afterwards`: neither waits nor writes."""
    after, kind = outcome.search, _type_of(row, outcome.search)
    offered = before is not None and bool(before.offers)
    for happened in outcome.happened:
        match happened:
            case Started():
                STARTED.labels(kind).inc()
            case Offered() if not offered:
                offered = True
                FIRST_OFFER.labels(kind).observe(_waited(row))
            case Closed(offer):
                OFFERS_ENDED.labels(offer.state.value).inc()
                if offer.state is OfferState.expired:
                    late("offer", offer.expires_at, offer.answered_at)
            case Assigned():
                OFFERS_ENDED.labels(OfferState.accepted.value).inc()
                ASSIGNMENT.labels(kind).observe(_waited(row))
                _ended("assigned", kind, after)
            case Released():
                RELEASED.inc()
            case Ended() if before is None or before.state is SearchState.searching:
                if after.state is SearchState.timed_out:
                    late("search", after.deadline, after.ended_at)
                _ended(after.failure or after.state, kind, after)


def late(kind: str, due: datetime | None, now: datetime | None) -> None:
    """A deadline was dealt with."""
    if due and now:
        LATENESS.labels(kind).observe(max(0.0, (now - due).total_seconds()))


def _ended(outcome: str, kind: str, search: Search) -> None:
    ENDED.labels(outcome, kind).inc()
    OFFERS.labels(outcome).observe(len(search.offers))


def _waited(row: SearchRow) -> float:
    """Seconds since the customer asked for this search, by booking's clock and ours."""
    asked = datetime.fromisoformat(row.job["updated_at"])
    return max(0.0, (datetime.now(UTC) - asked).total_seconds())


def _type_of(row: SearchRow, search: Search) -> str:
    """A label. Whoever orders may write any name, so only those that an admin set up have one."""
    name = str(row.job["service_type"])
    if search.failure is Failure.unknown_service_type:
        return "unknown"
    if name not in _types and len(_types) >= MOST_TYPES:
        return "other"
    _types.add(name)
    return name
