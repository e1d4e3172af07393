"""What a search is made of, and what can happen to it. Pure data; `domain` has the commands."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class Policy(StrEnum):
    """How one step of a ladder asks: one named driver; one at a time; some at once; everybody in reach."""

    direct = "direct"
    cascade = "cascade"
    group = "group"
    broadcast = "broadcast"


class Gate(StrEnum):
    """Why a driver is not asked (A12)."""

    offline = "offline"
    not_approved = "not_approved"
    operator = "operator"
    busy = "busy"
    wrong_vehicle = "wrong_vehicle"
    stale = "stale"
    no_location = "no_location"
    out_of_range = "out_of_range"
    holds_offer = "holds_offer"
    tried = "tried"
    not_wished = "not_wished"
    farther = "farther"
    contended = "contended"


class SearchState(StrEnum):
    """`searching` until exactly one of the others."""

    searching = "searching"
    assigned = "assigned"
    failed = "failed"
    timed_out = "timed_out"
    cancelled = "cancelled"


class OfferState(StrEnum):
    """`pending` until exactly one of the others."""

    pending = "pending"
    accepted = "accepted"
    declined = "declined"
    expired = "expired"
    withdrawn = "withdrawn"


class Failure(StrEnum):
    """Why a search gave up (B8)."""

    max_tries = "max_tries"
    none_in_area = "none_in_area"
    unknown_service_type = "unknown_service_type"


@dataclass(frozen=True)
class Step:
    """One step of a ladder; the defaults are the requirements' figures for a cascade (B2, B4, B8).

    `radii_m`: metres, tried from the first; none: however far. `tries`: drivers asked on this step at most.
    `at_once`: how many of them together, in a group.
    """

    policy: Policy = Policy.cascade
    offer_life: timedelta | None = timedelta(seconds=30)
    tries: int | None = 10
    radii_m: tuple[int, ...] = (5_000, 15_000)
    at_once: int = 1

    @property
    def exclusive(self) -> bool:
        """Whether the driver asked is the only one asked, and is asked nothing else meanwhile (B6)."""
        return self.policy in (Policy.direct, Policy.cascade)


@dataclass(frozen=True)
class Weights:
    """Seconds of pick-up time that one driver may be longer under way than another, and still come first:
    for each star, for each minute without work, for an acceptance rate of 1 over one of 0."""

    rating: float = 0.0
    idle: float = 0.0
    acceptance: float = 0.0


@dataclass(frozen=True)
class Rules:
    """A service type's settings (B14): its ladder, how long a search lives (B9), how drivers are ranked."""

    steps: tuple[Step, ...] = (Step(),)
    search_life: timedelta | None = timedelta(seconds=120)
    stale_after: timedelta = timedelta(seconds=60)
    weights: Weights = Weights()

    @property
    def reach_m(self) -> int:
        """The largest radius of all its steps; 0 if none looks around the pickup."""
        return max((radius for step in self.steps for radius in step.radii_m), default=0)

    @property
    def mode(self) -> str:
        """The policy, if there is only one; else `ladder`."""
        return self.steps[0].policy.value if len(self.steps) == 1 else "ladder"


@dataclass(frozen=True)
class Offer:
    """The job before one driver. `number` counts the drivers tried, from 1; `rung` is the ladder's step."""

    id: UUID
    driver: str
    number: int
    exclusive: bool
    created_at: datetime
    expires_at: datetime | None
    state: OfferState = OfferState.pending
    answered_at: datetime | None = None
    rung: int = 0


@dataclass(frozen=True)
class Search:
    """One attempt to find a driver for a job."""

    id: UUID
    job: UUID
    attempt: int
    rules: Rules
    started_at: datetime
    deadline: datetime | None
    state: SearchState = SearchState.searching
    driver: str | None = None
    failure: Failure | None = None
    ended_at: datetime | None = None
    offers: tuple[Offer, ...] = ()
    rung: int = 0

    @property
    def step(self) -> Step:
        """Where on its ladder the search stands."""
        return self.rules.steps[self.rung]

    @property
    def open(self) -> bool:
        """Whether any driver in reach may take the job, asked or not (A9)."""
        return self.state is SearchState.searching and self.step.policy is Policy.broadcast

    def over(self, now: datetime) -> bool:
        """Whether its life has ended, though nobody may have noticed yet (B9)."""
        return self.deadline is not None and now >= self.deadline

    @property
    def tried_here(self) -> int:
        """How many drivers were asked on the present step."""
        return sum(offer.rung == self.rung for offer in self.offers)

    @property
    def tried(self) -> frozenset[str]:
        """Every driver who had an offer in this search (B6)."""
        return frozenset(offer.driver for offer in self.offers)

    @property
    def live(self) -> tuple[Offer, ...]:
        """The offers that nobody has answered and nothing has ended."""
        return tuple(offer for offer in self.offers if offer.state is OfferState.pending)

    def latest_to(self, driver: str) -> Offer | None:
        """The offer this driver had, if any."""
        return next((offer for offer in reversed(self.offers) if offer.driver == driver), None)


@dataclass(frozen=True)
class Driver:
    """What decides whether a driver may take a job."""

    id: str
    approved: bool
    active_job: UUID | None


@dataclass(frozen=True)
class Started:
    """The search began."""


@dataclass(frozen=True)
class Offered:
    """A new offer was put."""

    offer: Offer


@dataclass(frozen=True)
class Closed:
    """An offer ended without an acceptance: declined, expired or withdrawn."""

    offer: Offer
    reason: str = ""


@dataclass(frozen=True)
class Assigned:
    """The driver has the job."""

    offer: Offer


@dataclass(frozen=True)
class Released:
    """The driver no longer has the job."""

    driver: str
    reason: str


@dataclass(frozen=True)
class Ended:
    """The search ended without a driver, or its assignment was cancelled."""


Happened = Started | Offered | Closed | Assigned | Released | Ended


@dataclass(frozen=True)
class Outcome:
    """The search afterwards, and what happened on the way."""

    search: Search
    happened: tuple[Happened, ...] = ()


@dataclass(frozen=True)
class Rejection:
    """Why a command does not apply: a stable code and a sentence for the driver."""

    code: str
    message: str


TAKEN = Rejection("already_accepted", "Job already accepted by another driver")
NOT_APPROVED = Rejection("not_approved", "Driver is not approved")
BUSY = Rejection("driver_busy", "You already have an active job")
