"""Who may take a job: with an offer, without one, and on which step of the ladder. Pure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from matching import domain
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
ids = count(1)
GROUP = Step(Policy.group, tries=3, at_once=3)
LADDER = (Step(tries=1), GROUP, Step(Policy.broadcast, offer_life=None, tries=None, radii_m=(30_000,)))


def new_id():
    return UUID(int=next(ids))


def after(seconds):
    return NOW + timedelta(seconds=seconds)


def begun(*steps):
    return domain.start(new_id(), UUID(int=7), 1, Rules(steps), NOW).search


def asked(search, *drivers):
    return domain.offer(search, drivers, NOW, new_id).search


def takes(search, name, seconds=1):
    return domain.accept(search, Driver(name, approved=True, active_job=None), after(seconds), new_id)


def code(decided):
    assert isinstance(decided, Rejection)
    return decided.code


def states(search):
    return {offer.driver: offer.state for offer in search.offers}


def opened():
    """A ladder on its broadcast step: ada declined, ben let it lapse, cy has gone, dan was shown it."""
    search = asked(begun(*LADDER), "ada")
    search = declined(search, "ada")
    search = asked(domain.climb(search).search, "ben", "cy")
    search = domain.withdraw(search, "cy", "driver_offline", after(2)).search
    search = domain.expire(search, search.live[0].id, after(30)).search
    return asked(domain.climb(search).search, "dan")


def declined(search, driver):
    outcome = domain.decline(search, driver, after(1))
    assert isinstance(outcome, Outcome)
    return outcome.search


@pytest.mark.parametrize("who", ["ada", "ben", "cy", "dan", "eve"])
def test_an_open_job_may_be_taken_by_who_declined_it_let_it_lapse_or_never_had_it(who):
    """A9, E5: whatever became of the driver's offer on the steps before."""
    outcome = takes(opened(), who, 31)
    assert isinstance(outcome, Outcome)
    assert (outcome.search.driver, outcome.search.state) == (who, SearchState.assigned)
    [won] = [offer for offer in outcome.search.offers if offer.driver == who]
    assert (won.state, won.answered_at) == (OfferState.accepted, after(31))
    assert outcome.happened[0] == Assigned(won)
    assert not outcome.search.live


def test_taking_an_open_job_leaves_the_ends_of_others_as_they_were():
    """A5, B6"""
    outcome = takes(opened(), "eve", 31)
    assert isinstance(outcome, Outcome)
    assert states(outcome.search) == {
        "ada": OfferState.declined,
        "ben": OfferState.expired,
        "cy": OfferState.withdrawn,
        "dan": OfferState.withdrawn,
        "eve": OfferState.accepted,
    }
    [_, closed] = outcome.happened
    assert isinstance(closed, Closed)
    assert (closed.offer.driver, closed.reason) == ("dan", "taken")
    assert [offer.number for offer in outcome.search.offers] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("driver", "refusal"),
    [
        (Driver("eve", approved=False, active_job=None), "not_approved"),
        (Driver("eve", approved=True, active_job=UUID(int=8)), "driver_busy"),
    ],
)
def test_an_open_job_is_not_open_to_the_unapproved_and_the_busy(driver, refusal):
    """A5, A9"""
    assert code(domain.accept(opened(), driver, after(31), new_id)) == refusal


def test_an_offer_of_a_broadcast_lapses_and_the_job_may_be_taken_all_the_same():
    """A9, A14: only the search's end takes it out of the feed."""
    search = asked(begun(replace(LADDER[2], offer_life=timedelta(seconds=5))), "ada")
    assert isinstance(takes(search, "ada", 6), Outcome)
    expired = domain.expire(search, search.offers[0].id, after(5)).search
    assert isinstance(takes(expired, "ada", 6), Outcome)
    assert code(takes(expired, "ada", 120)) == "job_gone"


@pytest.mark.parametrize("step", [Step(), Step(Policy.direct), GROUP], ids=["cascade", "direct", "group"])
def test_only_who_was_asked_may_take_a_job_that_is_not_open(step):
    """B6, E5"""
    search = asked(begun(step), "ada")
    assert code(takes(search, "eve")) == "not_offered"
    assert isinstance(takes(search, "ada"), Outcome)


@pytest.mark.parametrize("step", [Step(), Step(Policy.direct), GROUP], ids=["cascade", "direct", "group"])
@pytest.mark.parametrize(("seconds", "lapsed"), [(29.999, False), (30, True)])
def test_an_offer_of_every_step_but_a_broadcast_lapses_at_its_expiry(step, seconds, lapsed):
    """B4, E5, DESIGN invariant 3: though no timer came."""
    decided = takes(asked(begun(step), "ada", "ben"), "ben", seconds)
    assert isinstance(decided, Rejection) is lapsed
    assert not lapsed or code(decided) == "offer_expired"


@pytest.mark.parametrize(
    ("end", "refusal"),
    [
        (lambda search: declined(search, "ada"), "offer_closed"),
        (lambda search: domain.withdraw(search, "ada", "driver_busy", after(1)).search, "offer_closed"),
        (lambda search: domain.expire(search, search.offers[0].id, after(30)).search, "offer_expired"),
        (lambda search: domain.cancel(search, after(1)).search, "job_gone"),
        (lambda search: domain.fail(search, Failure.max_tries, after(1)).search, "job_gone"),
        (lambda search: domain.time_out(search, after(120)).search, "job_gone"),
    ],
)
def test_an_exclusive_offer_that_ended_cannot_be_accepted(end, refusal):
    """A5, B4, B5, B9, B11: and the driver is told which end."""
    search = end(asked(begun(Step(), Step()), "ada"))
    assert code(takes(search, "ada", 2)) == refusal


def test_one_of_a_group_wins_and_the_rest_are_withdrawn():
    """A5, E5"""
    outcome = takes(asked(begun(GROUP), "ada", "ben", "cy"), "ben")
    assert isinstance(outcome, Outcome)
    assert states(outcome.search) == {
        "ada": OfferState.withdrawn,
        "ben": OfferState.accepted,
        "cy": OfferState.withdrawn,
    }
    assert code(takes(outcome.search, "ada")) == "already_accepted"


def test_who_is_suspended_after_winning_is_still_told_of_having_won():
    """A5: accepting again what you already won answers success again."""
    outcome = takes(asked(begun(Step()), "ada"), "ada")
    assert isinstance(outcome, Outcome)
    suspended = Driver("ada", approved=False, active_job=UUID(int=7))
    assert domain.accept(outcome.search, suspended, after(500), new_id) == Outcome(outcome.search)


def test_a_driver_on_one_search_does_not_end_the_offers_of_others():
    """B5, B11: a decline, a withdrawal and an expiry concern one offer."""
    search = asked(begun(GROUP), "ada", "ben", "cy")
    search = declined(search, "ada")
    search = domain.withdraw(search, "ben", "driver_busy", after(2)).search
    assert [offer.driver for offer in search.live] == ["cy"]
    assert domain.withdraw(search, "ben", "driver_busy", after(3)) == Outcome(search)
    assert domain.withdraw(search, "eve", "driver_busy", after(3)) == Outcome(search)
    assert domain.expire(search, search.offers[0].id, after(60)) == Outcome(search)
    assert code(domain.decline(search, "eve", after(3))) == "not_offered"


@pytest.mark.parametrize("policy", list(Policy))
def test_what_has_ended_cannot_time_out_nor_be_cancelled_again(policy):
    """B9, B11"""
    search = asked(begun(Step(policy)), "ada")
    for ended in (domain.cancel(search, after(1)).search, domain.time_out(search, after(120)).search):
        assert domain.cancel(ended, after(121)) == domain.time_out(ended, after(121)) == Outcome(ended)


def test_a_search_without_a_deadline_never_times_out():
    """A14"""
    search = domain.start(new_id(), UUID(int=7), 1, Rules((LADDER[2],), search_life=None), NOW).search
    assert search.deadline is None
    assert domain.time_out(search, NOW + timedelta(days=365)) == Outcome(search)


def test_cancelling_withdraws_every_live_offer_and_says_so_once_for_the_job():
    """B11"""
    off = domain.cancel(asked(begun(GROUP), "ada", "ben"), after(1))
    assert set(states(off.search).values()) == {OfferState.withdrawn}
    assert [type(one) for one in off.happened] == [Closed, Closed, Ended]
    assert not any(isinstance(one, Released) for one in off.happened)
    assert (off.search.state, off.search.ended_at) == (SearchState.cancelled, after(1))
