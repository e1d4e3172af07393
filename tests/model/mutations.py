"""What somebody could write by mistake: each takes the right function and gives a wrong one in its place.

A wrong one calls the right one, so it breaks that one thing and leaves the rest as it is.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.model.world import NAMES

from booking import domain as booking
from matching.states import (
    Closed,
    Driver,
    Offer,
    OfferState,
    Outcome,
    Rejection,
    Released,
    Search,
    SearchState,
)

DAY = timedelta(days=1)
Function = Callable[..., Any]


def _with_offers(outcome: Outcome, change: Callable[[Offer], Offer]) -> Outcome:
    return replace(outcome, search=replace(outcome.search, offers=tuple(map(change, outcome.search.offers))))


def accept_a_taken_job(right: Function) -> Function:
    """The second driver wins as well."""

    def accept(search: Search, *rest: Any) -> Any:
        if search.state is SearchState.assigned:
            search = replace(search, state=SearchState.searching, driver=None)
        return right(search, *rest)

    return accept


def accept_when_busy(right: Function) -> Function:
    """A driver's active job is not looked at."""

    def accept(search: Search, driver: Driver, *rest: Any) -> Any:
        return right(search, replace(driver, active_job=None), *rest)

    return accept


def accept_unapproved(right: Function) -> Function:
    """A suspended driver may go on."""

    def accept(search: Search, driver: Driver, *rest: Any) -> Any:
        return right(search, replace(driver, approved=True), *rest)

    return accept


def accept_an_expired_offer(right: Function) -> Function:
    """Until the timer has come the offer holds."""

    def accept(search: Search, driver: Driver, now: Any, new_id: Any) -> Any:
        ends = {one.id: one.expires_at for one in search.offers}
        timeless = tuple(replace(one, expires_at=None) for one in search.offers)
        decided = right(replace(search, offers=timeless), driver, now, new_id)
        if isinstance(decided, Rejection):
            return decided
        return _with_offers(decided, lambda one: replace(one, expires_at=ends[one.id]))

    return accept


def accept_after_the_search(right: Function) -> Function:
    """The search's deadline is not looked at."""

    def accept(search: Search, *rest: Any) -> Any:
        decided = right(replace(search, deadline=None), *rest)
        if isinstance(decided, Rejection):
            return decided
        return replace(decided, search=replace(decided.search, deadline=search.deadline))

    return accept


def accept_leaves_the_others(right: Function) -> Function:
    """The other drivers' offers stay live."""

    def accept(search: Search, *rest: Any) -> Any:
        decided = right(search, *rest)
        if isinstance(decided, Rejection):
            return decided
        live = {one.id: one for one in search.live if one.driver != decided.search.driver}
        happened = tuple(one for one in decided.happened if not isinstance(one, Closed))
        return replace(_with_offers(decided, lambda one: live.get(one.id, one)), happened=happened)

    return accept


def look_away(_right: Function) -> Function:
    """Booking goes by what it was told."""

    def look(_job: object, life: booking.Life) -> booking.Life:
        return life

    return look


def expire_an_accepted_offer(right: Function) -> Function:
    """A late timer closes an offer whatever became of it."""

    def expire(search: Search, offer_id: Any, now: Any) -> Outcome:
        outcome: Outcome = right(search, offer_id, now)
        return _with_offers(
            outcome,
            lambda one: (
                replace(one, state=OfferState.expired)
                if one.id == offer_id and one.state is OfferState.accepted
                else one
            ),
        )

    return expire


def early_timer(right: Function) -> Function:
    """A timer is believed, whatever the clock says."""
    return lambda *those: right(*those[:-1], those[-1] + DAY)


def time_out_leaves_offers(right: Function) -> Function:
    """The search ends and its offers do not."""

    def time_out(search: Search, now: Any) -> Outcome:
        outcome: Outcome = right(search, now)
        live = {one.id: one for one in search.live}
        happened = tuple(one for one in outcome.happened if not isinstance(one, Closed))
        return replace(_with_offers(outcome, lambda one: live.get(one.id, one)), happened=happened)

    return time_out


def cancel_tells_nobody(right: Function) -> Function:
    """The release is not told."""

    def cancel(search: Search, now: Any) -> Outcome:
        outcome: Outcome = right(search, now)
        kept = tuple(one for one in outcome.happened if not isinstance(one, Released))
        return replace(outcome, happened=kept)

    return cancel


def cancel_only_a_search(right: Function) -> Function:
    """What was assigned before the cancel came stays assigned."""
    return lambda search, now: (
        right(search, now) if search.state is SearchState.searching else Outcome(search)
    )


def withdraw_nothing(_right: Function) -> Function:
    """A driver who is taken keeps its other offers."""
    return lambda search, *_rest: Outcome(search)


def tried_on_this_step(_right: Function) -> Function:
    """Each step of the ladder begins with nobody tried."""
    return lambda search, driver: all(
        one.driver != NAMES[driver] or one.rung != search.rung for one in search.offers
    )


def ask_while_live(right: Function) -> Function:
    """The cascade does not wait for an answer."""
    return lambda search, found: right(
        replace(search, offers=tuple(replace(one, state=OfferState.declined) for one in search.offers)), found
    )


def count_no_tries(right: Function) -> Function:
    """Drivers are tried as long as there are any."""

    def next_step(search: Search, found: Any) -> Any:
        endless = tuple(replace(step, tries=None) for step in search.rules.steps)
        return right(replace(search, rules=replace(search.rules, steps=endless)), found)

    return next_step


def gate_open(**fields: bool) -> Callable[[Function], Function]:
    """The gate does not look at this."""

    def wrong(right: Function) -> Function:
        return lambda standing, *rest, **kwargs: right(replace(standing, **fields), *rest, **kwargs)

    return wrong


def start_without_end(right: Function) -> Function:
    """The search has no deadline."""

    def start(*those: Any) -> Outcome:
        begun: Outcome = right(*those)
        return replace(begun, search=replace(begun.search, deadline=None))

    return start


def ask_anybody(_right: Function) -> Function:
    """Nobody counts as tried."""
    return lambda _search, _driver: True


def known_if_equal(_right: Function) -> Function:
    """An older attempt is begun after a newer one."""
    return lambda job, attempt: any(one.attempt == attempt for one in job.searches[-1:])


def cancel_of_nothing(right: Function) -> Function:
    """A cancel that comes before its order is thrown away."""
    return lambda do, job, *rest: right(do, job, *rest) if job.searches else iter(())


def frees_nobody(right: Function) -> Function:
    """What was released is not written to the driver's row."""
    return lambda *those: right(*those)._replace(frees=-1)


def trip_frees_nobody(right: Function) -> Function:
    """The driver stays busy after the last step."""
    return lambda *those: (turn._replace(frees=-1) for turn in right(*those))


def assign_after_all(right: Function) -> Function:
    """Booking lets an assignment overrule a cancel."""
    return lambda life, *rest: right(replace(life, status=booking.Status.pending), *rest)


def give_up_whatever(right: Function) -> Function:
    """Booking takes the end of any search for the end of the present one."""
    return lambda life, _attempt: right(life, life.attempt)
