"""What a search is made of, and what can happen to it. Pure data; `domain` has the commands."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class Mode(StrEnum):
    """How offers are put."""

    broadcast = "broadcast"
    cascade = "cascade"


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
class Rules:
    """A service type's settings; the defaults are the requirements' figures (B2, B4, B8, B9, B14)."""

    mode: Mode = Mode.cascade
    offer_life: timedelta | None = timedelta(seconds=30)
    search_life: timedelta | None = timedelta(seconds=120)
    max_tries: int = 10
    radii_m: tuple[int, ...] = (5_000, 15_000)
    stale_after: timedelta = timedelta(seconds=60)


@dataclass(frozen=True)
class Offer:
    """The job before one driver. `number` counts the drivers tried, from 1."""

    id: UUID
    driver: str
    number: int
    exclusive: bool
    created_at: datetime
    expires_at: datetime | None
    state: OfferState = OfferState.pending
    answered_at: datetime | None = None


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
