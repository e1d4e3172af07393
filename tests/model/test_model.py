"""The dispatch engine's rules, in every state of small worlds. `just model` explores larger ones."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.model.bugs import BUGS, Bug
from tests.model.explore import Exploration, Result
from tests.model.settings import LADDER, ONE, SMALL
from tests.model.space import Space
from tests.model.story import tell
from tests.model.world import Job, Setting, plain

STATES = {
    "cascade with retry, 1 × 2": 20_000,
    "cascade, 2 × 2": 35_000,
    "cascade beside broadcast, 2 × 2": 22_000,
    "direct → cascade, 2 × 2": 85_000,
    "cascade(1) → group(2) → broadcast, 1 × 3": 3_000,
    "drivers come and go, 1 × 2": 33_000,
}
"""How many each has at least: fewer, and a command is no longer explored."""


def story(result: Result) -> str:
    return "\n".join(tell(result))


@pytest.mark.parametrize("setting", SMALL, ids=lambda setting: setting.name)
def test_no_order_of_commands_timers_and_deliveries_breaks_an_invariant(setting: Setting):
    """A5, B6, B8, B9, B10, B11, E1, E2, E5: one winner, one job a driver, one exclusive offer a driver,
    nobody asked twice, no late acceptance, every search ends, and booking and matching agree once quiet."""
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


World = tuple[tuple[int, ...], tuple[Job, ...]]


class NamedSpace(Space):
    """Drivers who differ by their names are two."""

    def pack(self, crew: Sequence[int], jobs: Sequence[int]) -> tuple[int, None]:
        return self.join(crew, jobs), None


def worlds(space: Space) -> set[World]:
    exploration = Exploration(space.setting)
    exploration.space = space
    assert exploration.run().violation is None
    return {seen(space, state) for state in exploration.came_from}


def seen(space: Space, state: int) -> World:
    crew, jobs = space.unpack(state)
    return tuple(crew), tuple(space.jobs.known[job] for job in jobs)


def folded(space: Space, world: World) -> World:
    crew, jobs = world
    return seen(space, space.pack(crew, [space.jobs.number(job) for job in jobs])[0])


@pytest.mark.parametrize("setting", [LADDER, ONE], ids=lambda setting: setting.name)
def test_taking_drivers_for_one_who_differ_by_name_loses_no_state(setting: Setting):
    """E1: the explored worlds are all worlds, each once."""
    space, named = Space(setting), worlds(NamedSpace(setting))
    few = worlds(space)
    assert {folded(space, world) for world in named} == few
    assert len(few) < len(named)


@pytest.mark.parametrize("setting", [LADDER, ONE], ids=lambda setting: setting.name)
def test_forgetting_how_an_offer_ended_loses_no_state(setting: Setting):
    """E1: declined, expired or withdrawn, the domain goes on alike."""

    def forgetful(job: Job) -> Job:
        return job._replace(searches=tuple(plain(one, reasons=False) for one in job.searches))

    space = Space(setting)
    few, all_of_them = worlds(space), worlds(Space(replace(setting, reasons=True)))
    assert {folded(space, (crew, tuple(map(forgetful, jobs)))) for crew, jobs in all_of_them} == few
    assert len(few) < len(all_of_them)
