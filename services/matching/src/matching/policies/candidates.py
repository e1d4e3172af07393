"""A driver who could be asked, and the order in which drivers are asked. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

DETOUR = 1.3
"""Streets are longer than the straight line, by about this factor in a city grid."""
SPEED_M_S = 8.0
"""A town's average, about 29 km/h."""


@dataclass(frozen=True)
class Candidate:
    """An eligible driver. `distance_m`: straight line to the pickup; None when it has no place."""

    driver: str
    distance_m: float | None
    rating: float | None = None

    @property
    def eta_s(self) -> float:
        """Estimated seconds to the pickup."""
        return (self.distance_m or 0.0) * DETOUR / SPEED_M_S


def rank(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Soonest there first; of equals the better rated; then by id, so that the order is always the same."""
    return sorted(candidates, key=lambda one: (one.eta_s, -(one.rating or 0.0), one.driver))
