"""The search as a pure machine, with a clock moved by hand."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from matching import domain
from matching.policies.candidates import Candidate, rank
from matching.policies.choose import Ask, GiveUp, Wait, next_step
from matching.states import (
    Assigned,
    Closed,
    Driver,
    Ended,
    Failure,
    OfferState,
    Outcome,
    Policy,
    Rejection,
    Released,
    Rules,
    SearchState,
    Step,
)

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
JOB = UUID(int=7)
ids = count(100)


def new_id():
    return UUID(int=next(ids))


def begun(policy=Policy.cascade, search_life=timedelta(minutes=2), **step):
    rules = Rules((Step(policy, **step),), search_life=search_life)
    return domain.start(new_id(), JOB, 1, rules, NOW).search


def offered(*drivers, policy=Policy.cascade, **settings):
    return domain.offer(begun(policy, **settings), drivers, NOW, new_id).search


def driver(name, *, approved=True, active_job=None):
    return Driver(name, approved, active_job)


def after(seconds):
    return NOW + timedelta(seconds=seconds)


def test_a_search_lives_two_minutes_and_an_offer_thirty_seconds():
    """B4, B9: the defaults."""
    search = offered("ada")
    assert search.deadline == after(120)
    assert search.offers[0].expires_at == after(30)


@pytest.mark.parametrize(("seconds", "state"), [(29.999, OfferState.pending), (30, OfferState.expired)])
def test_an_offer_expires_at_thirty_seconds_and_not_before(seconds, state):
    """B4."""
    search = offered("ada")
    outcome = domain.expire(search, search.offers[0].id, after(seconds))
    assert outcome.search.offers[0].state is state
    assert len(outcome.happened) == (state is OfferState.expired)


@pytest.mark.parametrize(("seconds", "ended"), [(119.999, False), (120, True)])
def test_a_search_times_out_at_two_minutes_and_withdraws_the_open_offer(seconds, ended):
    """B9."""
    outcome = domain.time_out(offered("ada"), after(seconds))
    assert (outcome.search.state is SearchState.timed_out) is ended
    assert [type(one) for one in outcome.happened] == ([Closed, Ended] if ended else [])
    assert outcome.search.offers[0].state is (OfferState.withdrawn if ended else OfferState.pending)


@pytest.mark.parametrize("late", [30, 31, 119])
def test_nobody_accepts_at_or_after_the_expiry_even_if_no_timer_came(late):
    """DESIGN invariant 3."""
    assert domain.accept(offered("ada"), driver("ada"), after(late), new_id) == Rejection(
        "offer_expired", "The offer has expired"
    )


def test_nobody_accepts_after_the_search_ended_even_if_no_timer_came():
    """B9, DESIGN invariant 3."""
    search = offered("ada", policy=Policy.broadcast, offer_life=None)
    refused = domain.accept(search, driver("ada"), after(120), new_id)
    assert isinstance(refused, Rejection)
    assert refused.code == "job_gone"


def test_the_first_to_accept_wins_and_everybody_elses_offer_ends():
    """A5: and the winner is told the same again."""
    search = offered("ada", "ben", "cy", policy=Policy.broadcast, offer_life=None)
    won = domain.accept(search, driver("ben"), after(1), new_id)
    assert isinstance(won, Outcome)
    assert won.search.driver == "ben"
    assert {one.driver: one.state for one in won.search.offers} == {
        "ada": OfferState.withdrawn,
        "ben": OfferState.accepted,
        "cy": OfferState.withdrawn,
    }
    assert isinstance(won.happened[0], Assigned)
    lost = domain.accept(won.search, driver("ada"), after(1), new_id)
    assert lost == Rejection("already_accepted", "Job already accepted by another driver")
    assert domain.accept(won.search, driver("ben", active_job=JOB), after(2), new_id) == Outcome(won.search)


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (driver("ada", approved=False), "not_approved"),
        (driver("ada", active_job=UUID(int=8)), "driver_busy"),
        (driver("eve"), "not_offered"),
    ],
)
def test_a_driver_who_may_not_accept_is_told_why(who, code):
    """A5, B6."""
    refused = domain.accept(offered("ada"), who, after(1), new_id)
    assert isinstance(refused, Rejection)
    assert refused.code == code


def test_a_broadcast_job_may_be_taken_from_the_feed_without_an_offer():
    """A9."""
    taken = domain.accept(begun(Policy.broadcast), driver("eve"), after(1), new_id)
    assert isinstance(taken, Outcome)
    assert (taken.search.driver, taken.search.offers[0].driver) == ("eve", "eve")


def test_declining_twice_or_after_the_end_changes_nothing():
    """B5."""
    once = domain.decline(offered("ada"), "ada", after(1))
    assert isinstance(once, Outcome)
    assert domain.decline(once.search, "ada", after(2)) == Outcome(once.search)
    refused = domain.accept(once.search, driver("ada"), after(2), new_id)
    assert isinstance(refused, Rejection)


def test_cancelling_an_assigned_search_releases_the_driver():
    """B11."""
    won = domain.accept(offered("ada"), driver("ada"), after(1), new_id)
    assert isinstance(won, Outcome)
    off = domain.cancel(won.search, after(2))
    assert off.happened == (Released("ada", "job_cancelled"), Ended())
    assert domain.cancel(off.search, after(3)) == Outcome(off.search)


def candidates(**distances):
    return [Candidate(name, metres) for name, metres in distances.items()]


def test_a_cascade_asks_the_nearest_in_the_inner_ring_then_the_outer():
    """B2."""
    search = begun()
    assert next_step(search, candidates(far=14_000, near=4_000, nearer=3_000)) == Ask(("nearer",))
    assert next_step(search, candidates(far=14_000)) == Ask(("far",))
    assert next_step(search, candidates(beyond=15_001)) == GiveUp(Failure.none_in_area)


def test_a_cascade_waits_while_an_offer_is_live_and_stops_after_ten():
    """B6, B8."""
    assert next_step(offered("ada"), candidates(ben=10)) == Wait()
    search = begun()
    for number in range(10):
        made = domain.offer(search, [f"driver-{number}"], NOW, new_id).search
        declined = domain.decline(made, f"driver-{number}", NOW)
        assert isinstance(declined, Outcome)
        search = declined.search
    assert next_step(search, candidates(eleventh=10)) == GiveUp(Failure.max_tries)


def test_a_broadcast_asks_everybody_and_waits_for_more():
    """A1, A9."""
    search = begun(Policy.broadcast)
    assert next_step(search, candidates(ada=1, ben=29_000)) == Ask(("ada", "ben"))
    assert next_step(search, []) == Wait()


def test_of_drivers_equally_near_the_better_rated_is_asked_first():
    """B2: best available."""
    worse, better = Candidate("a", 100, rating=4.0), Candidate("b", 100, rating=4.9)
    assert [one.driver for one in rank([worse, better])] == ["b", "a"]
