"""The next step of a search under its service type's policy. Pure: search and candidates in, a step out."""

from collections.abc import Sequence
from dataclasses import dataclass

from matching.policies.candidates import Candidate, rank
from matching.states import Failure, Mode, Search, SearchState


@dataclass(frozen=True)
class Ask:
    """Put the job before these drivers now."""

    drivers: tuple[str, ...]


@dataclass(frozen=True)
class GiveUp:
    """Nobody is left to ask."""

    failure: Failure


@dataclass(frozen=True)
class Wait:
    """An answer, a deadline or another driver will come."""


Step = Ask | GiveUp | Wait


def next_step(search: Search, candidates: Sequence[Candidate]) -> Step:
    """`candidates`: the eligible drivers in reach who were not tried in this search."""
    if search.state is not SearchState.searching:
        return Wait()
    return broadcast(candidates) if search.rules.mode is Mode.broadcast else cascade(search, candidates)


def broadcast(candidates: Sequence[Candidate]) -> Step:
    """Everybody at once (A1, A3); those who come online later are asked then (A9)."""
    return Ask(tuple(one.driver for one in candidates)) if candidates else Wait()


def cascade(search: Search, candidates: Sequence[Candidate]) -> Step:
    """One at a time, the nearest ring first, at most `max_tries` drivers (B2, B6, B8)."""
    if search.live:
        return Wait()
    if len(search.tried) >= search.rules.max_tries:
        return GiveUp(Failure.max_tries)
    for radius in search.rules.radii_m:
        if within := [one for one in candidates if one.distance_m is None or one.distance_m <= radius]:
            return Ask((rank(within)[0].driver,))
    return GiveUp(Failure.none_in_area)
