"""Who may be asked, and who first: gates and ranking, pure."""

from dataclasses import replace
from typing import Any

import pytest

from matching.policies.candidates import BY_ETA, Candidate, Standing, gate, rank, score, straight_eta_s
from matching.states import Gate, Weights

FIT = Standing(
    approved=True, online=True, is_operator=False, busy=False, vehicle_type="van", holds_exclusive=False
)
AGAINST: list[tuple[dict[str, Any], Gate]] = [
    ({"approved": False}, Gate.not_approved),
    ({"is_operator": True}, Gate.operator),
    ({"online": False}, Gate.offline),
    ({"busy": True}, Gate.busy),
    ({"vehicle_type": "bike"}, Gate.wrong_vehicle),
    ({"vehicle_type": None}, Gate.wrong_vehicle),
]


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("wanted", ["van", None])
def test_a_fitting_driver_passes_every_gate(wanted, exclusive):
    """A1, B2"""
    assert gate(FIT, wanted, exclusive=exclusive) is None


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize(("flaw", "against"), AGAINST)
def test_each_gate_alone_keeps_a_driver_from_being_asked(flaw, against, exclusive):
    """A1, A12"""
    assert gate(replace(FIT, **flaw), "van", exclusive=exclusive) is against


def test_who_holds_an_exclusive_offer_gets_no_other_but_may_see_a_broadcast():
    """B6, A1"""
    holding = replace(FIT, holds_exclusive=True)
    assert gate(holding, "van", exclusive=True) is Gate.holds_offer
    assert gate(holding, "van", exclusive=False) is None


def test_a_job_for_any_vehicle_asks_drivers_without_one_too():
    """A1"""
    assert gate(replace(FIT, vehicle_type=None), None, exclusive=True) is None


def test_of_several_gates_the_one_that_lasts_longest_is_named():
    """A12: so that the answer is always the same."""
    flaws = dict(flaw for each, _ in AGAINST[:5] for flaw in each.items()) | {"holds_exclusive": True}
    named = []
    while flaws:
        named.append(gate(replace(FIT, **flaws), "van", exclusive=True))
        del flaws[next(iter(flaws))]
    assert named == [against for _, against in AGAINST[:5]] + [Gate.holds_offer]


def order(candidates, weights=BY_ETA):
    return [one.driver for one in rank(candidates, weights)]


def test_the_straight_line_is_longer_by_streets_and_driven_at_a_towns_pace():
    """B2: 1.3 times as long, at 8 m/s."""
    assert straight_eta_s(8_000) == 1_300
    assert Candidate("a", 8_000).seconds == 1_300
    assert Candidate("a", 8_000, eta_s=60).seconds == 60
    assert Candidate("a", None).seconds == 0


def test_who_is_there_soonest_comes_first_whatever_else_speaks_for_others():
    """B2"""
    slow = Candidate("slow", 100, eta_s=61, rating=5.0, idle_s=3_600, acceptance=1.0)
    soon = Candidate("soon", 900, eta_s=60, rating=1.0, idle_s=0, acceptance=0.0)
    assert order([slow, soon]) == ["soon", "slow"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"rating": 4.9}, {"rating": 4.8, "idle_s": 3_600.0}),
        ({"rating": 4.6}, {"rating": None, "idle_s": 3_600.0}),
        ({"rating": None}, {"rating": 4.4, "idle_s": 3_600.0}),
        ({"rating": 4.5, "idle_s": 1.0}, {"rating": None}),
        ({"idle_s": 60.0, "acceptance": 0.1}, {"idle_s": 59.0, "acceptance": 0.9}),
        ({"acceptance": 0.9}, {"acceptance": 0.8}),
        ({"acceptance": None}, {"acceptance": 0.9}),
    ],
)
def test_of_equals_the_better_rated_then_the_longest_idle_then_who_accepts_most_comes_first(first, second):
    """B2: best available; each only where all before it are equal. Equal is: to the second."""
    z = Candidate("z", 1, eta_s=60.4, **first)
    a = Candidate("a", 1, eta_s=59.6, **second)
    assert order([a, z]) == order([z, a]) == ["z", "a"]


def test_of_perfect_equals_the_order_is_always_the_same():
    """B2"""
    one, other = Candidate("b", 100), Candidate("a", 100)
    assert order([one, other]) == order([other, one]) == ["a", "b"]


@pytest.mark.parametrize(
    ("weights", "fact", "worth"),
    [
        (Weights(rating=100), {"rating": 4.0}, 100.0),
        (Weights(rating=100), {"rating": 5.0}, 0.0),
        (Weights(rating=100), {"rating": None}, 50.0),
        (Weights(idle=10), {"idle_s": 120.0}, -20.0),
        (Weights(idle=10), {"idle_s": 3_600.0}, -600.0),
        (Weights(idle=10), {"idle_s": 90_000.0}, -600.0),
        (Weights(acceptance=200), {"acceptance": 0.25}, 150.0),
        (Weights(acceptance=200), {"acceptance": 1.0}, 0.0),
        (Weights(acceptance=200), {"acceptance": None}, 0.0),
        (Weights(), {"rating": 1.0, "idle_s": 3_600.0, "acceptance": 0.0}, 0.0),
    ],
)
def test_what_a_weight_is_worth_in_seconds(weights, fact, worth):
    """B14: a star; a minute without work, of one hour at most; an acceptance rate of 1 over one of 0."""
    assert score(Candidate("a", 1, eta_s=1_000, **fact), weights) == pytest.approx(1_000 + worth)


@pytest.mark.parametrize(
    ("weights", "better", "worse"),
    [
        (Weights(rating=100), {"rating": 5.0}, {"rating": 4.0}),
        (Weights(idle=100), {"idle_s": 60.0}, {"idle_s": 0.0}),
        (Weights(acceptance=100), {"acceptance": 1.0}, {"acceptance": 0.0}),
    ],
)
def test_a_weight_lets_the_better_driver_be_so_many_seconds_later_and_no_more(weights, better, worse):
    """B14, B2"""
    near = Candidate("near", 1, eta_s=500, **worse)
    assert order([near, Candidate("far", 1, eta_s=598, **better)], weights) == ["far", "near"]
    assert order([near, Candidate("far", 1, eta_s=602, **better)], weights) == ["near", "far"]
