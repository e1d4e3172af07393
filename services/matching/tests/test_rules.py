"""What admins may set for a service type: the shape of rules, and what is not said."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from matching.service_types import DEFAULT, RulesBody, rules_from, rules_to
from matching.states import Policy, Rules, Step, Weights

SECONDS = timedelta(seconds=1)
CASCADE: dict[str, Any] = {"policy": "cascade"}
BROADCAST: dict[str, Any] = {"policy": "broadcast"}
DIRECT: dict[str, Any] = {"policy": "direct"}
GROUP: dict[str, Any] = {"policy": "group", "at_once": 3}


def body(*steps, **whole):
    return RulesBody.model_validate({"steps": list(steps)} | whole)


def test_a_cascade_of_which_nothing_is_said_has_the_requirements_figures():
    """B2, B4, B8, B9, B14: 30 s, 10 drivers, 5 then 15 km, 2 minutes, 60 s old; ranked by the way alone."""
    assert body(CASCADE).rules() == Rules(
        (Step(Policy.cascade, 30 * SECONDS, 10, (5_000, 15_000), 1),), 120 * SECONDS, 60 * SECONDS, Weights()
    )
    assert rules_from(DEFAULT) == body(CASCADE).rules() == Rules()


def test_a_broadcast_of_which_nothing_is_said_has_no_end_and_thirty_kilometres():
    """A1, A14, B14"""
    rules = body(BROADCAST).rules()
    assert rules.steps == (Step(Policy.broadcast, None, None, (30_000,), 1),)
    assert rules.search_life is None


def test_a_direct_step_asks_one_driver_however_far_away():
    """E5"""
    assert body(DIRECT).rules().steps == (Step(Policy.direct, 30 * SECONDS, 1, (), 1),)


@pytest.mark.parametrize(("more", "tries"), [({}, 3), ({"tries": 7}, 7)])
def test_a_group_is_asked_once_unless_more_tries_are_said(more, tries):
    """E5"""
    step = Step(Policy.group, 30 * SECONDS, tries, (5_000, 15_000), 3)
    assert body(GROUP | more).rules().steps == (step,)


def test_a_ladder_that_ends_in_a_broadcast_lives_two_minutes():
    """B9, E5: only a lone broadcast has no end."""
    rules = body(DIRECT, CASCADE, GROUP, BROADCAST).rules()
    assert rules.search_life == 120 * SECONDS
    assert [step.policy for step in rules.steps] == list(Policy)


@pytest.mark.parametrize(
    ("steps", "mode"),
    [
        ([DIRECT], "direct"),
        ([CASCADE], "cascade"),
        ([GROUP], "group"),
        ([BROADCAST], "broadcast"),
        ([CASCADE, BROADCAST], "ladder"),
        ([CASCADE, CASCADE], "ladder"),
    ],
)
def test_the_mode_is_the_only_policy_or_a_ladder(steps, mode):
    """B14"""
    assert body(*steps).rules().mode == mode


def test_everything_that_is_said_is_heeded():
    """B14"""
    ranking = {"rating": 10.5, "idle": 2, "acceptance": 300}
    asked = body(
        CASCADE | {"offer_seconds": 0.5, "tries": 4, "radii_m": [1_000]},
        BROADCAST | {"offer_seconds": 9, "radii_m": [50_000]},
        search_seconds=86_400,
        stale_seconds=3.5,
        ranking=ranking,
    )
    assert asked.rules() == Rules(
        (
            Step(Policy.cascade, 0.5 * SECONDS, 4, (1_000,), 1),
            Step(Policy.broadcast, 9 * SECONDS, None, (50_000,), 1),
        ),
        86_400 * SECONDS,
        3.5 * SECONDS,
        Weights(10.5, 2, 300),
    )


@pytest.mark.parametrize(
    "said",
    [
        body(CASCADE),
        body(BROADCAST),
        body(CASCADE | {"offer_seconds": None}, search_seconds=None),
        body(DIRECT, CASCADE, GROUP, BROADCAST | {"offer_seconds": 5}, search_seconds=7),
    ],
)
def test_rules_are_kept_as_they_were_said(said):
    """B14: a null that was said is not a silence, nor is a silence a null."""
    kept = json.loads(json.dumps(rules_to(said)))
    assert rules_from(kept) == said.rules()
    assert rules_to(RulesBody.model_validate(kept)) == kept


def test_an_offer_and_a_search_may_be_without_an_end():
    """B14"""
    rules = body(CASCADE | {"offer_seconds": None}, search_seconds=None).rules()
    assert (rules.steps[0].offer_life, rules.search_life) == (None, None)


STEPS: list[dict[str, Any]] = [
    {},
    {"policy": "carousel"},
    {"policy": None},
    CASCADE | {"surprise": 1},
    *(CASCADE | {"offer_seconds": wrong} for wrong in (0, -1, 86_401, "soon", float("nan"), float("inf"))),
    *(CASCADE | {"tries": wrong} for wrong in (0, -1, 1_001, 2.5)),
    *(CASCADE | {"radii_m": wrong} for wrong in ([], [0], [-5], [200_001], [1] * 11, 5_000)),
    *({"policy": "group", "at_once": wrong} for wrong in (None, 0, 1, 101)),
    {"policy": "group"},
    *(step | {"at_once": 3} for step in (CASCADE, BROADCAST, DIRECT)),
    DIRECT | {"tries": 1},
    DIRECT | {"radii_m": [5_000]},
    BROADCAST | {"tries": 10},
]


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_step_that_makes_no_sense_is_refused(step):
    """B14"""
    with pytest.raises(ValidationError):
        body(step)


WHOLES = [
    {"steps": []},
    {"steps": [CASCADE] * 11},
    {"steps": [BROADCAST, CASCADE]},
    {"steps": [BROADCAST, BROADCAST]},
    {"surprise": 1},
    *({"search_seconds": wrong} for wrong in (0, -1, 86_401, float("nan"), float("inf"))),
    *({"stale_seconds": wrong} for wrong in (0, -1, 3_601, None, float("nan"), float("inf"))),
    *({"ranking": {"rating": wrong}} for wrong in (-1, 3_601, None, float("nan"), float("inf"))),
    {"ranking": {"beauty": 1}},
]


@pytest.mark.parametrize("whole", WHOLES, ids=str)
def test_rules_that_make_no_sense_are_refused(whole):
    """B14, E5: nothing comes after a broadcast."""
    with pytest.raises(ValidationError):
        RulesBody.model_validate({"steps": [CASCADE]} | whole)
