"""What the documents say of dispatching is what the service takes."""

import re
from pathlib import Path

from contracts.wording import PLACEHOLDERS
from matching.policies.candidates import DETOUR, LONGEST_IDLE_S, SPEED_M_S, UNRATED
from matching.service_types import RulesBody, rules_from, rules_to
from matching.settings import Settings
from matching.states import Gate

PAGE = (Path(__file__).parents[3] / "docs/dispatch.md").read_text()


def test_the_documented_ladder_is_one():
    """B14, E5: and it is kept as it was said."""
    body = RulesBody.model_validate_json(re.findall(r"```json\n(.+?)```", PAGE, re.DOTALL)[0])
    assert [rung.policy for rung in body.steps] == ["direct", "cascade", "group", "broadcast"]
    assert rules_from(rules_to(body)) == body.rules()


def test_the_documented_words_can_be_set_and_every_placeholder_is_documented():
    """B14"""
    example = re.findall(r"```json\n(.+?)```", PAGE, re.DOTALL)[1]
    assert RulesBody.model_validate_json(example).wording
    table = [row for row in PAGE.splitlines() if row.startswith("|")]
    rows = {name: row for row in table for name in re.findall(r"`(\w+)`", row)}
    for told, names in PLACEHOLDERS.items():
        assert set(re.findall(r"\{(\w+)\}", rows[told])) == names


def test_every_gate_is_documented():
    """A12."""
    assert [gate for gate in Gate if f"`{gate}`" not in PAGE] == []


def test_the_documented_figures_are_those_of_the_code():
    """Straight line × 1.3 at 8 m/s; 4.5 stars; an hour of idling; 0.3 s for a routing engine."""
    assert (DETOUR, SPEED_M_S, UNRATED, LONGEST_IDLE_S) == (1.3, 8.0, 4.5, 3600.0)
    assert Settings.model_fields["osrm_seconds"].default == 0.3
