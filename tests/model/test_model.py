"""The dispatch engine's rules, in every state that small worlds can come to. `just model` does larger ones."""

import pytest
from tests.model.bugs import BUGS, Bug
from tests.model.explore import Exploration, Result
from tests.model.settings import SMALL
from tests.model.story import tell
from tests.model.world import Setting

STATES = {
    "cascade with retry, 1 × 2": 4_000,
    "cascade, 2 × 2": 15_000,
    "cascade beside broadcast, 2 × 2": 12_000,
    "direct → cascade, 2 × 2": 35_000,
    "cascade(1) → group(2) → broadcast, 1 × 3": 2_000,
    "drivers come and go, 1 × 2": 20_000,
}
"""How many each has at least: fewer, and a command is no longer explored."""


def story(result: Result) -> str:
    return "\n".join(tell(result))


@pytest.mark.parametrize("setting", SMALL, ids=lambda setting: setting.name)
def test_no_order_of_commands_timers_and_deliveries_breaks_an_invariant(setting: Setting):
    """A5, B6, B8, B9, B10, B11, E1, E2, E5: one winner, one job a driver, one exclusive offer a driver, nobody
    asked twice, no late acceptance, every search ends, and booking and matching agree once quiet."""
    result = Exploration(setting).run()
    assert result.violation is None, story(result)
    assert result.states > STATES[setting.name]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_seeded_bug_is_found(bug: Bug):
    """E1: the explorer would notice."""
    with bug.seeded():
        result = Exploration(bug.setting).run()
        assert result.violation, f"not found in {result.states} states"
        told = story(result)
    assert result.violation.how in told
    assert told.count("job A") >= result.violation.length
