"""What the clients saw of each job, in their own words and times (seconds since 1970)."""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from enum import StrEnum

from city.clock import now

KEPT = 20_000  # jobs; of an endless run only the newest are remembered
SAMPLES = 100_000


class Outcome(StrEnum):
    """How an accept ended for the driver who sent it."""

    won = "won"
    refused = "refused"
    unknown = "unknown"


@dataclass(slots=True)
class OfferSeen:
    """A driver was shown the job; `over_at` is when it was told that the offer no longer stands."""

    driver_id: str
    exclusive: bool
    at: float
    over_at: float | None = None
    over: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, how: str) -> None:
        self.over_at, self.over = now(), how
        self.ended.set()


@dataclass(slots=True)
class Accept:
    """A driver said yes."""

    driver_id: str
    sent_at: float
    answered_at: float | None = None
    outcome: Outcome = Outcome.unknown
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A status that a client was told. `connection` changes whenever it may have missed something."""

    status: str
    connection: int


@dataclass(slots=True)
class JobSeen:
    """Everything seen of one job. `keys`: the Idempotency-Keys under which its id was answered."""

    id: str
    service_type: str = ""
    status: str = "pending"
    keys: list[str] = field(default_factory=list)
    posted_at: float | None = None
    first_offer_at: float | None = None
    told_at: float | None = None
    order_to_offer: float | None = None
    """Seconds; None if no driver was shown it before it was searched for again."""
    measured: bool = False
    cancelled_at: float | None = None
    completing_at: float | None = None
    """When its driver first reported it as completed, before any answer."""
    retries: int = 0
    offers: list[OfferSeen] = field(default_factory=list)
    accepts: list[Accept] = field(default_factory=list)
    told: set[tuple[str, str]] = field(default_factory=set)
    """(who told it, driver id): the driver that the clients were shown as the job's."""
    steps: dict[str, list[Step]] = field(default_factory=dict)
    """By client."""

    @property
    def won(self) -> Accept | None:
        return next((accept for accept in self.accepts if accept.outcome is Outcome.won), None)


class Ledger:
    """Written by all clients. Bounded: see KEPT and SAMPLES."""

    def __init__(self) -> None:
        self.jobs: dict[str, JobSeen] = {}
        self.count: Counter[str] = Counter()
        self.server_errors: Counter[str] = Counter()
        self.order_to_offer: deque[float] = deque(maxlen=SAMPLES)
        self.accept_to_told: deque[float] = deque(maxlen=SAMPLES)
        self.away: deque[float] = deque(maxlen=SAMPLES)
        """Seconds from the loss of a connection to the next one."""

    def job(self, job_id: str) -> JobSeen:
        """The record of a job; a driver may be shown it before its customer has the answer to the order."""
        seen = self.jobs.get(job_id)
        if seen is None:
            seen = self.jobs[job_id] = JobSeen(job_id)
            if len(self.jobs) > KEPT:
                del self.jobs[next(iter(self.jobs))]
        return seen

    def posted(self, job_id: str, key: str, service_type: str, sent_at: float) -> None:
        """An order was answered 2xx. `sent_at`: just before it was sent for the first time."""
        seen = self.job(job_id)
        seen.keys.append(key)
        if seen.posted_at is None:
            seen.posted_at, seen.service_type = sent_at, service_type
            self._first_offer(seen)

    def offered(self, job_id: str, driver_id: str, *, exclusive: bool) -> OfferSeen:
        """A driver's socket brought the job. Only a first search counts for order → offer."""
        seen, offer = self.job(job_id), OfferSeen(driver_id, exclusive, now())
        seen.offers.append(offer)
        self.count["offers"] += 1
        if seen.first_offer_at is None:
            seen.first_offer_at = offer.at
            if not seen.retries:
                self._first_offer(seen)
        return offer

    def _first_offer(self, seen: JobSeen) -> None:
        """Offer and answer to the order may come in either order."""
        if seen.first_offer_at is not None and seen.posted_at is not None:
            seen.order_to_offer = seen.first_offer_at - seen.posted_at
            self.order_to_offer.append(seen.order_to_offer)

    def answered(self, job_id: str, accept: Accept, outcome: Outcome, reason: str = "") -> None:
        """An accept was answered. `reason`: the error code of a refusal."""
        accept.outcome, accept.reason, accept.answered_at = outcome, reason, now()
        self.count[outcome.value] += 1
        if outcome is Outcome.refused:
            self.count[f"refused:{reason}"] += 1
        self._latency(self.job(job_id))

    def told(self, job_id: str, by: str, driver_id: str) -> None:
        """A client was told who has the job."""
        self.job(job_id).told.add((by, driver_id))

    def customer_told(self, job_id: str, driver_id: str) -> None:
        """The customer's socket brought the driver (B7)."""
        self.told(job_id, "booking:driver_assigned", driver_id)
        seen = self.job(job_id)
        if seen.told_at is None:
            seen.told_at = now()
            self._latency(seen)

    def _latency(self, seen: JobSeen) -> None:
        if seen.told_at is None or seen.won is None or seen.measured:
            return
        seen.measured = True
        self.accept_to_told.append(seen.told_at - seen.won.sent_at)

    def step(self, job_id: str, client: str, status: str, connection: int) -> None:
        """A client was told how far a job is."""
        self.job(job_id).steps.setdefault(client, []).append(Step(status, connection))
