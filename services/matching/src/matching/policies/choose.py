"""The next step of a search under its service type's ladder. Pure: search and candidates in, a step out."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from matching.policies.candidates import Candidate, rank
from matching.states import Failure, Policy, Search, SearchState


@dataclass(frozen=True)
class Ask:
    """Put the job before these drivers now."""

    drivers: tuple[str, ...]


@dataclass(frozen=True)
class Climb:
    """Nobody is left to ask on this step; the ladder has another."""


@dataclass(frozen=True)
class GiveUp:
    """Nobody is left to ask."""

    failure: Failure


@dataclass(frozen=True)
class Wait:
    """An answer, a deadline or another driver will come."""


Next = Ask | Climb | GiveUp | Wait


def next_step(search: Search, candidates: Sequence[Candidate]) -> Next:
    """`candidates`: the eligible drivers in reach who were not tried in this search."""
    if search.state is not SearchState.searching:
        return Wait()
    if search.step.policy is Policy.broadcast:
        return broadcast(candidates)
    if search.live:
        return Wait()
    tries = search.step.tries
    left = len(candidates) if tries is None else tries - search.tried_here
    if left <= 0:
        return _over(search, Failure.max_tries)
    asked = _ranked(search, candidates, min(_at_once(search), left))
    return Ask(tuple(one.driver for one in asked)) if asked else _over(search, Failure.none_in_area)


def broadcast(candidates: Sequence[Candidate]) -> Next:
    """Everybody at once (A1, A3); those who come online later are asked then (A9)."""
    return Ask(tuple(one.driver for one in candidates)) if candidates else Wait()


def _at_once(search: Search) -> int:
    return search.step.at_once if search.step.policy is Policy.group else 1


def _ranked(search: Search, candidates: Sequence[Candidate], wanted: int) -> list[Candidate]:
    """The best `wanted`, out of the smallest radius that holds so many (B2)."""
    within: list[Candidate] = []
    for radius in search.step.radii_m or (inf,):
        within = [one for one in candidates if one.distance_m is None or one.distance_m <= radius]
        if len(within) >= wanted:
            break
    return rank(within, search.rules.weights)[:wanted]


def _over(search: Search, failure: Failure) -> Next:
    """This step has nobody left: on to the next, or the search is over (B8)."""
    return Climb() if search.rung + 1 < len(search.rules.steps) else GiveUp(failure)
