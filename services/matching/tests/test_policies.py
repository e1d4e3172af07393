"""Whom a ladder asks next: a pure function of the search and of who could be asked."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from matching import domain
from matching.policies.candidates import Candidate
from matching.policies.choose import Ask, Climb, GiveUp, Wait, next_step
from matching.states import Driver, Failure, Outcome, Policy, Rules, SearchState, Step, Weights

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)
LADDER = (
    Step(Policy.direct, tries=1, radii_m=()),
    Step(Policy.cascade, tries=3),
    Step(Policy.group, tries=3, at_once=3),
    Step(Policy.broadcast, offer_life=None, tries=None, radii_m=(30_000,)),
)
CITY = {f"d{n}": 100.0 * n for n in range(1, 10)}
ids = count(1)


def new_id():
    return UUID(int=next(ids))


def begun(*steps, weights=None):
    rules = Rules(steps or (Step(),), weights=weights or Weights())
    return domain.start(new_id(), UUID(int=7), 1, rules, NOW).search


def seen(search, metres):
    """The drivers of these distances who were not tried yet."""
    return [Candidate(driver, far) for driver, far in metres.items() if driver not in search.tried]


def asks(search, metres):
    return next_step(search, seen(search, metres))


def asked(search, *drivers):
    return domain.offer(search, drivers, NOW, new_id).search


def all_declined(search):
    for offer in search.live:
        outcome = domain.decline(search, offer.driver, LATER)
        assert isinstance(outcome, Outcome)
        search = outcome.search
    return search


def all_expired(search):
    for offer in search.live:
        search = domain.expire(search, offer.id, LATER).search
    return search


def all_withdrawn(search):
    for offer in search.live:
        search = domain.withdraw(search, offer.driver, "driver_offline", LATER).search
    return search


ENDS = {"declined": all_declined, "expired": all_expired, "withdrawn": all_withdrawn}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_ladder_is_climbed_step_by_step_however_the_offers_end(end):
    """E5, B6: the wished driver, three one by one, three together, everybody else; nobody twice."""
    search, climbed = begun(*LADDER), []
    nearest = iter(CITY)
    search = end(asked(search, "wished"))
    while not search.open:
        step = asks(search, CITY)
        climbed.append(step.drivers if isinstance(step, Ask) else type(step).__name__)
        if isinstance(step, Climb):
            search = domain.climb(search).search
        else:
            assert step == Ask(tuple(next(nearest) for _ in step.drivers))
            search = end(asked(search, *step.drivers))
    assert climbed == ["Climb", ("d1",), ("d2",), ("d3",), "Climb", ("d4", "d5", "d6"), "Climb"]
    assert asks(search, CITY) == Ask(("d7", "d8", "d9"))
    assert [offer.rung for offer in search.offers] == [0, 1, 1, 1, 2, 2, 2]
    assert [offer.exclusive for offer in search.offers] == [True] * 4 + [False] * 3
    assert [offer.number for offer in search.offers] == [1, 2, 3, 4, 5, 6, 7]


def test_a_ladder_is_climbed_to_its_end_when_nobody_is_there():
    """E5, A9: and on its broadcast step it waits for somebody to come."""
    search = begun(*LADDER)
    for rung in range(3):
        assert (asks(search, {}), search.rung) == (Climb(), rung)
        search = domain.climb(search).search
    assert (search.rung, search.open, asks(search, {})) == (3, True, Wait())
    assert asks(search, {"newcomer": 29_999}) == Ask(("newcomer",))


def test_above_the_last_step_there_is_no_other():
    """E5"""
    top = domain.climb(begun(Step(), Step())).search
    assert top.rung == 1
    assert domain.climb(top).search.rung == 1


def test_a_ladder_without_a_broadcast_gives_up_when_nobody_is_left_on_its_last_step():
    """E5, B8: for the reason that holds there, whatever was tried before."""
    search = all_declined(asked(begun(Step(tries=1), Step(tries=1)), "ada"))
    assert asks(search, {}) == asks(search, CITY) == Climb()
    search = domain.climb(search).search
    assert asks(search, {}) == GiveUp(Failure.none_in_area)
    assert asks(all_declined(asked(search, "ben")), CITY) == GiveUp(Failure.max_tries)


def test_tries_are_counted_for_each_step_anew():
    """E5, B8"""
    search = begun(Step(tries=2), Step(tries=2))
    for driver in ("d1", "d2"):
        assert asks(search, CITY) == Ask((driver,))
        search = all_declined(asked(search, driver))
    assert asks(search, CITY) == Climb()
    search = domain.climb(search).search
    for driver in ("d3", "d4"):
        assert asks(search, CITY) == Ask((driver,))
        search = all_declined(asked(search, driver))
    assert asks(search, CITY) == GiveUp(Failure.max_tries)


@pytest.mark.parametrize("policy", [Policy.direct, Policy.cascade, Policy.group])
def test_nobody_else_is_asked_while_an_offer_is_live(policy):
    """B6"""
    step = Step(policy, at_once=2 if policy is Policy.group else 1)
    assert asks(asked(begun(step), "ada"), CITY) == Wait()


def test_a_group_waits_for_the_last_of_its_members():
    """E5"""
    search = asked(begun(Step(Policy.group, at_once=3)), "d1", "d2", "d3")
    for driver in ("d1", "d2"):
        outcome = domain.decline(search, driver, NOW)
        assert isinstance(outcome, Outcome)
        search = outcome.search
        assert asks(search, CITY) == Wait()
    assert asks(all_declined(search), CITY) == Ask(("d4", "d5", "d6"))


def test_an_open_job_is_put_before_others_while_offers_are_live():
    """A9"""
    search = asked(begun(LADDER[-1]), "d1")
    assert asks(search, {"d1": 1, "late": 2}) == Ask(("late",))


@pytest.mark.parametrize(
    "state", [SearchState.assigned, SearchState.failed, SearchState.timed_out, SearchState.cancelled]
)
@pytest.mark.parametrize("step", [Step(), LADDER[-1]], ids=["cascade", "broadcast"])
def test_a_search_that_ended_asks_nobody(state, step):
    """B9, B11"""
    search = begun(step)
    ended = {
        SearchState.assigned: lambda: won(asked(search, "ada")),
        SearchState.failed: lambda: domain.fail(search, Failure.none_in_area, NOW),
        SearchState.timed_out: lambda: domain.time_out(search, NOW + timedelta(minutes=2)),
        SearchState.cancelled: lambda: domain.cancel(search, NOW),
    }[state]().search
    assert ended.state is state
    assert asks(ended, CITY) == Wait()


def won(search):
    outcome = domain.accept(search, Driver("ada", approved=True, active_job=None), NOW, new_id)
    assert isinstance(outcome, Outcome)
    return outcome


WEIGHTY = Weights(rating=3600)


@pytest.mark.parametrize(("inner_m", "first"), [(5_000, "worse"), (5_001, "better")])
def test_the_inner_ring_ends_at_five_kilometres_sharp(inner_m, first):
    """B2: inside it a worse driver is asked before a better one outside; alone out there, both compete."""
    worse = Candidate("worse", inner_m, rating=1.0)
    better = Candidate("better", 6_000, rating=5.0)
    assert next_step(begun(weights=WEIGHTY), [worse, better]) == Ask((first,))


@pytest.mark.parametrize(
    ("metres", "step"), [(15_000, Ask(("ada",))), (15_001, GiveUp(Failure.none_in_area))]
)
def test_the_outer_ring_ends_at_fifteen_kilometres_sharp(metres, step):
    """B2, B8"""
    assert next_step(begun(), [Candidate("ada", metres)]) == step


@pytest.mark.parametrize(
    ("metres", "group"),
    [
        ({"a": 100, "b": 200, "c": 4_000}, ("a", "b", "c")),
        ({"a": 4_000, "b": 9_000, "c": 14_000, "d": 15_000}, ("a", "b", "c")),
        ({"a": 4_000, "b": 15_000, "c": 15_001}, ("a", "b")),
        ({"a": 15_001}, None),
    ],
)
def test_a_group_is_filled_from_the_smallest_radius_that_holds_so_many(metres, group):
    """E5, B2"""
    step = asks(begun(Step(Policy.group, at_once=3, radii_m=(5_000, 10_000, 15_000))), metres)
    assert step == (Ask(group) if group else GiveUp(Failure.none_in_area))


def test_a_group_full_in_the_inner_ring_leaves_better_drivers_outside_it():
    """E5, B2"""
    inside = [Candidate(f"near-{n}", 4_000, rating=1.0) for n in (1, 2)]
    outside = [Candidate("far", 6_000, rating=5.0)]
    step = next_step(begun(Step(Policy.group, at_once=2), weights=WEIGHTY), [*inside, *outside])
    assert step == Ask(("near-1", "near-2"))


def test_the_last_of_a_groups_tries_are_no_more_than_are_left():
    """E5, B8: and for one driver the inner ring is enough."""
    search = all_declined(
        asked(begun(Step(Policy.group, at_once=3, tries=4), weights=WEIGHTY), "x", "y", "z")
    )
    near, better = Candidate("near", 4_000, rating=1.0), Candidate("better", 6_000, rating=5.0)
    assert next_step(search, [near, better]) == Ask(("near",))
    search = all_declined(asked(search, "near"))
    assert next_step(search, [better]) == GiveUp(Failure.max_tries)


def test_a_job_without_a_place_has_no_rings():
    """A3"""
    anywhere = [Candidate("a", None, rating=4.0), Candidate("b", None, rating=5.0)]
    assert next_step(begun(), anywhere) == Ask(("b",))
