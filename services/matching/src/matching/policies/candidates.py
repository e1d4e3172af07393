"""A driver who could be asked: may it be, and after whom. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from matching.states import Gate, Weights

DETOUR = 1.3
"""Streets are longer than the straight line, by about this factor in a city grid."""
SPEED_M_S = 8.0
"""A town's average, about 29 km/h."""
UNRATED = 4.5
"""Stars a driver without a rating counts as."""
LONGEST_IDLE_S = 3_600.0
"""Waiting longer than this puts a driver no further ahead."""
BY_ETA = Weights()
"""Only who is there soonest counts; the rest decides between equals."""


def straight_eta_s(distance_m: float) -> float:
    """Estimated seconds for a straight line of so many metres, where no routing engine is asked."""
    return distance_m * DETOUR / SPEED_M_S


@dataclass(frozen=True)
class Standing:
    """What the database says of a driver at this moment."""

    approved: bool
    online: bool
    is_operator: bool
    busy: bool
    vehicle_type: str | None
    holds_exclusive: bool


def gate(standing: Standing, vehicle_type: str | None, *, exclusive: bool) -> Gate | None:
    """Why this driver is not to be asked; None if it may be (A1, A12, B6)."""
    if not standing.approved:
        return Gate.not_approved
    if standing.is_operator:
        return Gate.operator
    if not standing.online:
        return Gate.offline
    if standing.busy:
        return Gate.busy
    if vehicle_type is not None and standing.vehicle_type != vehicle_type:
        return Gate.wrong_vehicle
    return Gate.holds_offer if exclusive and standing.holds_exclusive else None


@dataclass(frozen=True)
class Candidate:
    """An eligible driver. `distance_m`: straight line to the pickup; None when the job has no place.

    `eta_s`: seconds to the pickup; None: estimated by the straight line. `idle_s`: seconds without a job.
    `acceptance`: share of its offers that it took, None before the first.
    """

    driver: str
    distance_m: float | None
    eta_s: float | None = None
    rating: float | None = None
    idle_s: float = 0.0
    acceptance: float | None = None

    @property
    def seconds(self) -> float:
        """Estimated seconds to the pickup."""
        return straight_eta_s(self.distance_m or 0.0) if self.eta_s is None else self.eta_s

    @property
    def stars(self) -> float:
        """Of 5."""
        return UNRATED if self.rating is None else self.rating


def score(one: Candidate, weights: Weights) -> float:
    """Seconds to the pickup, longer for what speaks against the driver; the least comes first."""
    stars_missing = 5.0 - one.stars
    minutes_idle = min(one.idle_s, LONGEST_IDLE_S) / 60
    refused = 1.0 - (1.0 if one.acceptance is None else one.acceptance)
    return (
        one.seconds
        + weights.rating * stars_missing
        - weights.idle * minutes_idle
        + weights.acceptance * refused
    )


def rank(candidates: Iterable[Candidate], weights: Weights = BY_ETA) -> list[Candidate]:
    """The least score first, to the second; of equals the better rated, then who waited longest, then who
    accepts most; then by id, so that the order is always the same."""

    def key(one: Candidate) -> tuple[float, float, float, float, str]:
        acceptance = 1.0 if one.acceptance is None else one.acceptance
        return (round(score(one, weights)), -one.stars, -one.idle_s, -acceptance, one.driver)

    return sorted(candidates, key=key)
