"""What the explorer's world is made of, and the one integer that encodes a state of it.

Time is not a number here. Everything happens at `NOW`; a deadline lies ahead of it until a step of the
explorer says that it is reached, and then it equals `NOW`. The domain only ever compares the two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from booking.domain import Life
from matching.states import Offer, OfferState, Rules, Search, SearchState

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
NAMES = ("ada", "ben", "cyd", "dan")
"""The drivers. Which of them is which does not matter: states that differ by their names are one."""
JOB = UUID(int=1)
"""What a search says its job is: its place in the world says which one."""


@dataclass(frozen=True)
class Setting:
    """One small world to explore: how many, under which rules, and what may happen in it."""

    name: str
    rules: tuple[Rules, ...]
    """For each job its service type's; one of them is for all."""
    jobs: int = 2
    drivers: int = 3
    attempts: int = 1
    """Searches a job may have: more than one means that customers retry (B10)."""
    wishes: tuple[int | None, ...] = ()
    """For each job the driver whom its order names, if any (a direct step asks that one)."""
    shifts: bool = False
    """Whether drivers go offline and come back."""
    approvals: bool = False
    """Whether drivers are suspended and approved again."""
    sockets: bool = False
    """Whether drivers lose their sockets and come back."""
    cancels: bool = True
    requests: bool = True
    """Whether booking asks matching (ADR 12, ADR 13). Without, matching is away whenever it would."""
    reasons: bool = False
    """Whether it is remembered how an offer ended; the domain treats all the endings the same."""
    stepwise: bool = False
    """Whether a trip is driven step by step, or all its steps at once."""


class Letter(NamedTuple):
    """An event between booking and matching. Sent, it can come at any time, and again after it was heard."""

    kind: str
    attempt: int
    driver: int = -1
    heard: bool = False

    def same(self, other: "Letter") -> bool:
        """Whether it is the same event, heard or not."""
        return self[:3] == other[:3]


class Job(NamedTuple):
    """One job in both services: booking's life of it, matching's searches for it, and what they wrote."""

    life: Life | None
    searches: tuple[Search, ...] = ()
    letters: tuple[Letter, ...] = ()
    wish: int | None = None
    kind: int = 0
    """Which of the setting's rules it goes by."""

    @property
    def newest(self) -> Search | None:
        """The search of the latest attempt."""
        return self.searches[-1] if self.searches else None

    @property
    def quiet(self) -> bool:
        """Nothing that was written is unread."""
        return all(letter.heard for letter in self.letters)

    def told(self, kind: str) -> bool:
        """Whether such a letter was heard."""
        return any(letter.kind == kind and letter.heard for letter in self.letters)

    def write(self, letters: Sequence[Letter]) -> "Job":
        """These are on their way now; the same event is never written twice."""
        known = self.letters
        fresh = [one for one in letters if not any(one.same(old) for old in known)]
        return self._replace(letters=tuple(sorted((*known, *fresh)))) if fresh else self

    def hear(self, letter: Letter) -> "Job":
        """It was delivered."""
        return self._replace(
            letters=tuple(one._replace(heard=True) if one.same(letter) else one for one in self.letters)
        )

    def keep(self, search: Search) -> "Job":
        """With this search in place of the one of its attempt."""
        others = (one for one in self.searches if one.attempt != search.attempt)
        return self._replace(searches=tuple(sorted((*others, search), key=lambda one: one.attempt)))


def plain(search: Search, *, reasons: bool) -> Search:
    """The search without what no decision depends on: instants that are over, and who closed what."""
    over = search.state is not SearchState.searching
    offers = (_plain_offer(one, reasons=reasons) for one in search.offers)
    return replace(
        search,
        deadline=NOW if over and search.deadline else search.deadline,
        failure=search.failure if reasons else None,
        ended_at=NOW if over else None,
        offers=_in_order(offers),
    )


def _in_order(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """By number; who was asked beside others is counted in the order of the drivers, whoever came first."""
    ordered = sorted(offers, key=lambda one: one.number)
    for rung in {one.rung for one in ordered if not one.exclusive}:
        places = [place for place, one in enumerate(ordered) if one.rung == rung]
        numbers = [ordered[place].number for place in places]
        beside = sorted((ordered[place] for place in places), key=lambda one: one.driver)
        for place, number, one in zip(places, numbers, beside, strict=True):
            ordered[place] = replace(one, number=number, id=UUID(int=number))
    return tuple(ordered)


def _plain_offer(offer: Offer, *, reasons: bool) -> Offer:
    if offer.state is OfferState.pending:
        return offer
    state = offer.state
    if not reasons and state in (OfferState.declined, OfferState.expired):
        state = OfferState.withdrawn
    return replace(offer, state=state, answered_at=NOW, expires_at=NOW if offer.expires_at else None)


def index_of(driver: str) -> int:
    """The place of a driver, by name."""
    return NAMES.index(driver)


def renamed(job: Job, order: Sequence[int]) -> Job:
    """The same job with the drivers in another order: place k is taken by the one who was at `order[k]`."""
    place = {old: new for new, old in enumerate(order)}

    def name(old: str) -> str:
        return NAMES[place[index_of(old)]]

    def search(one: Search) -> Search:
        offers = (replace(offer, driver=name(offer.driver)) for offer in one.offers)
        return replace(one, driver=one.driver and name(one.driver), offers=_in_order(offers))

    return Job(
        replace(job.life, driver=job.life.driver and name(job.life.driver)) if job.life else None,
        tuple(search(one) for one in job.searches),
        tuple(sorted(one._replace(driver=place.get(one.driver, -1)) for one in job.letters)),
        None if job.wish is None else place[job.wish],
        job.kind,
    )


def part_of(job: Job, driver: int) -> tuple[object, ...]:
    """Everything in the job that concerns this driver, and nothing that names another."""
    name = NAMES[driver]
    offers = tuple(
        (place, one.exclusive and one.number, one.rung, one.state, one.expires_at)
        for place, search in enumerate(job.searches)
        for one in search.offers
        if one.driver == name
    )
    has = tuple(search.driver == name for search in job.searches)
    letters = tuple(one._replace(driver=0) for one in job.letters if one.driver == driver)
    return offers, has, letters, job.life is not None and job.life.driver == name, job.wish == driver
