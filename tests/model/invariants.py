"""What must always hold (docs/architecture.md): of every step of a search, and of every job at rest.

The explorer adds what concerns several jobs at once. Names begin with the number in the list there, or with
the requirement's id.
"""

from typing import NamedTuple

from tests.model.world import NAMES, NOW, Job

from booking.domain import Life, Status
from matching import domain
from matching.states import (
    TAKEN,
    Assigned,
    Closed,
    Driver,
    Ended,
    Failure,
    Offer,
    Offered,
    OfferState,
    Outcome,
    Policy,
    Rejection,
    Released,
    Search,
    SearchState,
)

ONE_JOB = "2: at most one driver a job, one active job a driver"
ONE_OFFER = "3: at most one live exclusive offer a driver"
NO_LATE_ACCEPT = "3: no accept after expiry, withdrawal or cancel"
ENDS = "4: every search ends, at most its life after it began"
ORDER = "6: steps are legal and in order"
AGREE = "6: booking and matching agree once quiet"
TOLD = "5: what happened is told, and nothing else"
ONCE = "B6: nobody is asked twice in one search"
ANSWER = "A5: the winner is told so again, everybody else that the job is taken"
CRASHED = "E1: no command fails but by a refusal"
ASKED = "B8: only who may be asked is, and not more than the step says"
SETTLED = "7: nobody who is busy or gone holds an exclusive offer once that was heard"

KNOWN = "B10, C12: what one service told a person another does not deny"

LEGAL = {
    SearchState.searching: set(SearchState),
    SearchState.assigned: {SearchState.assigned, SearchState.cancelled},
}
STEPS = {
    Status.pending: {Status.accepted, Status.unfulfilled, Status.cancelled},
    Status.accepted: {Status.en_route, Status.cancelled},
    Status.en_route: {Status.arrived, Status.cancelled},
    Status.arrived: {Status.in_progress, Status.cancelled},
    Status.in_progress: {Status.completed, Status.cancelled},
    Status.unfulfilled: {Status.pending, Status.accepted, Status.cancelled},
}
UNDER_WAY = {Status.accepted, Status.en_route, Status.arrived, Status.in_progress}
OPEN_STATES = {SearchState.searching, SearchState.assigned}


class BrokenError(Exception):
    """An invariant does not hold: which one, and how so."""

    def __init__(self, rule: str, how: str) -> None:
        super().__init__(f"{rule}: {how}")
        self.rule, self.how = rule, how


class Seen(NamedTuple):
    """A driver as a transaction on one job finds it. `holds`: a live exclusive offer of another job."""

    approved: bool
    online: bool
    busy: bool
    holds: bool


View = tuple[Seen, ...]


def need(holds: bool, rule: str, how: str) -> None:
    """Broken unless it holds."""
    if not holds:
        raise BrokenError(rule, how)


# --- a step of a search


def check_step(before: Search | None, outcome: Outcome, view: View, wish: int | None) -> None:
    """What one command made of a search. `before`: None if it began it."""
    after = outcome.search
    if before is None:
        _check_start(after)
    else:
        _check_acceptance(before, after, view)
        _check_order(before, after)
        _check_times(before, after)
    _check_offers(before, after, view, wish)
    _check_told(before, outcome)


def check_answer(search: Search, driver: Driver, decided: Outcome | Rejection) -> None:
    """What a driver is told who accepts a job that somebody has."""
    if search.state is SearchState.assigned and driver.approved:
        right = Outcome(search) if search.driver == driver.id else TAKEN
        need(decided == right, ANSWER, f"{driver.id} is told otherwise")


def _check_start(after: Search) -> None:
    life = after.rules.search_life
    need(after.deadline == (NOW + life if life else None), ENDS, "the deadline is not its life from now")


def _check_order(before: Search, after: Search) -> None:
    need(after.state in LEGAL.get(before.state, {before.state}), ORDER, f"{before.state} → {after.state}")
    if before.state not in OPEN_STATES:
        need(after == before, ORDER, f"a search that is {before.state} changed")
    need(after.rung >= before.rung, ORDER, "the search went down its ladder")
    need(after.attempt == before.attempt and after.id == before.id, ORDER, "another search")
    if after.state is SearchState.timed_out is not before.state:
        need(before.deadline == NOW, ENDS, "timed out before its time")
    for old in before.offers:
        new = next((one for one in after.offers if one.id == old.id), None)
        need(new is not None, ORDER, f"the offer to {old.driver} is forgotten")
        if new:
            _check_offer_order(before, old, new)


def _check_offer_order(search: Search, old: Offer, new: Offer) -> None:
    if new.state is old.state:
        return
    retaken = search.open and new.state is OfferState.accepted  # A9: whoever declined may still take it
    need(old.state is OfferState.pending or retaken, ORDER, f"an offer {old.state} became {new.state}")
    if new.state is OfferState.expired:
        need(old.expires_at == NOW, ORDER, "an offer expired before its time")


def _check_times(before: Search, after: Search) -> None:
    need(after.deadline == before.deadline, ENDS, "the deadline was moved")
    ends = {one.id: one.expires_at for one in after.offers}
    need(all(ends[one.id] == one.expires_at for one in before.offers), ENDS, "an offer's time was moved")


def _check_acceptance(before: Search, after: Search, view: View) -> None:
    if after.state is not SearchState.assigned or before.driver == after.driver:
        return
    winner = view[NAMES.index(after.driver or "")]
    need(before.driver is None, ONE_JOB, f"{before.driver} had it, {after.driver} has it too")
    need(before.state is SearchState.searching, NO_LATE_ACCEPT, f"accepted when {before.state}")
    need(before.deadline != NOW, NO_LATE_ACCEPT, "accepted after the search's time")
    need(not winner.busy, ONE_JOB, f"{after.driver} has a job already")
    need(winner.approved, ORDER, f"{after.driver} is not approved")
    if not before.open:
        held = before.latest_to(after.driver or "")
        need(held is not None, NO_LATE_ACCEPT, f"{after.driver} was never asked")
        if held:
            need(held.state is OfferState.pending, NO_LATE_ACCEPT, f"accepted an offer {held.state}")
            need(held.expires_at != NOW, NO_LATE_ACCEPT, "accepted after the offer's time")


def _check_offers(before: Search | None, after: Search, view: View, wish: int | None) -> None:
    drivers = [one.driver for one in after.offers]
    need(len(drivers) == len(set(drivers)), ONCE, "a driver had two offers")
    if after.state is not SearchState.searching:
        need(not after.live, ORDER, f"{after.state}, with an offer still live")
    won = [one.driver for one in after.offers if one.state is OfferState.accepted]
    expected = [after.driver] if after.driver else []
    need(won == expected, ONE_JOB, f"the search says {expected}, its offers say {won}")
    known = {one.id for one in before.offers} if before else set()
    for new in after.offers:
        if new.id not in known and new.state is OfferState.pending:
            _check_asked(after, new, view[NAMES.index(new.driver)], wish)
    _check_number(before, after)


def _check_asked(after: Search, new: Offer, seen: Seen, wish: int | None) -> None:
    step = after.rules.steps[new.rung]
    need(new.exclusive is step.exclusive, ONE_OFFER, "the offer is not as exclusive as its step")
    need(seen.approved and seen.online, ASKED, f"{new.driver} is offline or not approved")
    need(not seen.busy, ASKED, f"{new.driver} has a job")
    need(not (new.exclusive and seen.holds), ONE_OFFER, f"{new.driver} holds another job's offer")
    need(not after.over(NOW), ENDS, f"{new.driver} is asked after the search's time")
    need(new.expires_at == (NOW + step.offer_life if step.offer_life else None), ENDS, "the wrong expiry")
    if step.policy is Policy.direct:
        need(wish is not None and NAMES[wish] == new.driver, ASKED, f"{new.driver} was not wished for")


def _check_number(before: Search | None, after: Search) -> None:
    """How many may be asked at once, and in all, on a step (B2, B8)."""
    for rung, step in enumerate(after.rules.steps):
        asked = [one for one in after.offers if one.rung == rung]
        live = sum(one.state is OfferState.pending for one in asked)
        if step.policy is Policy.broadcast:
            continue
        need(live <= (step.at_once if step.policy is Policy.group else 1), ASKED, "too many asked at once")
        need(step.tries is None or len(asked) <= step.tries, ASKED, "too many asked on one step")
    if after.failure and after.step.tries is not None:
        used_up = after.tried_here >= after.step.tries
        need(used_up is (after.failure is Failure.max_tries), ASKED, f"gave up for {after.failure}")
    if before and after.rung > before.rung:
        carried = {one.id for one in before.live} & {one.id for one in after.live}
        need(not carried, ORDER, "the ladder was climbed while an offer was live")


def _check_told(before: Search | None, outcome: Outcome) -> None:
    """Booking, the drivers and the customer hear of each change once, and of nothing else."""
    after, kinds = outcome.search, [type(one) for one in outcome.happened]
    was = {one.id: one.state for one in before.offers} if before else {}
    closed = [one.id for one in after.offers if was.get(one.id) is OfferState.pending and _is_closed(one)]
    told = [one.offer.id for one in outcome.happened if isinstance(one, Closed)]
    need(sorted(closed) == sorted(told), TOLD, f"{len(closed)} offers closed, {len(told)} told")
    made = sum(one.id not in was and one.state is not OfferState.accepted for one in after.offers)
    need(made == kinds.count(Offered), TOLD, "an offer was made and not told")
    old = before.state if before else SearchState.searching
    won = after.state is SearchState.assigned is not old
    need(kinds.count(Assigned) == won, TOLD, "an assignment that nobody hears of")
    released = old is SearchState.assigned is not after.state
    need(kinds.count(Released) == released, TOLD, "a driver is not told that it is free")
    over = after.state not in OPEN_STATES and old in OPEN_STATES
    need(kinds.count(Ended) == over, TOLD, "an end that nobody hears of")


def _is_closed(offer: Offer) -> bool:
    return offer.state in (OfferState.declined, OfferState.expired, OfferState.withdrawn)


def check_life(before: Life | None, after: Life) -> None:
    """What booking made of a job's life."""
    if before and after.status is not before.status:
        need(after.status in STEPS.get(before.status, set()), ORDER, f"{before.status} → {after.status}")


def check_ended(job: Job) -> None:
    """Matching answers booking, which answers the customer, that the search is over."""
    newest = job.newest
    need(newest is not None and newest.state not in OPEN_STATES, NO_LATE_ACCEPT, "it goes on when answered")


def check_retry(job: Job, life: Life, after: Life | None) -> None:
    """What a retry came to. `life`: as booking knew it, who may not have heard yet what the customer has."""
    found = job.newest
    if found and found.attempt == life.attempt and life.status in {Status.pending, Status.unfulfilled}:
        over = found.state in {SearchState.failed, SearchState.timed_out}
        need(not over or after is not None, KNOWN, "a search is over, and its customer may not retry")


def check_first_step(job: Job, life: Life, by: str | None, after: Life | None) -> None:
    """What the first step of the trip came to. `life`: as booking knew it."""
    found = job.newest
    if found and found.state is SearchState.assigned and found.attempt == life.attempt:
        begins = life.status is Status.pending and by in {None, found.driver}
        need(not begins or after is not None, KNOWN, f"{found.driver} has the job, and may not move it on")


# --- a job at rest


def check_job(job: Job) -> None:
    """One job, between two commands."""
    attempts = [one.attempt for one in job.searches]
    need(attempts == sorted(set(attempts)), ORDER, "two searches of one attempt")
    unended = [one for one in job.searches if one.state in OPEN_STATES]
    need(len(unended) <= 1, ONE_JOB, "two searches for one job")
    for search in unended:
        _check_ends(search)
    if job.quiet and job.life:
        _check_agreement(job, job.life)


def _check_ends(search: Search) -> None:
    """Whatever else comes or does not come, its deadline ends it; without one, its customer does."""
    if search.state is not SearchState.searching:
        return
    for offer in search.live:
        if offer.expires_at:
            rest = domain.expire(search, offer.id, offer.expires_at).search.live
            need(offer.id not in {one.id for one in rest}, ENDS, "an offer's time does not end it")
    if search.deadline:
        over = domain.time_out(search, search.deadline).search
        need(over.state is SearchState.timed_out and not over.live, ENDS, "its deadline does not end it")
    else:
        over = domain.cancel(search, NOW).search
        need(over.state is SearchState.cancelled and not over.live, ENDS, "nothing ends it")


def _check_agreement(job: Job, life: Life) -> None:
    newest = job.newest
    state = newest.state if newest and newest.attempt == life.attempt else None
    expected: set[SearchState | None]
    match life.status:
        case Status.pending:
            expected = {SearchState.searching}
        case Status.unfulfilled:
            expected = {SearchState.failed, SearchState.timed_out}
        case Status.cancelled:
            expected = {SearchState.cancelled, SearchState.failed, SearchState.timed_out}
        case _:
            expected = {SearchState.assigned}
            need(newest is not None and newest.driver == life.driver, AGREE, "of two different drivers")
    need(state in expected, AGREE, f"booking says {life.status}, matching says {state}")


def holder(job: Job) -> int:
    """Who must be busy with this job, at every moment; -1: nobody."""
    newest = job.newest
    if newest is None or newest.state is not SearchState.assigned or job.told("completed"):
        return -1
    return NAMES.index(newest.driver or "")


def live_offers(job: Job) -> tuple[list[int], list[int]]:
    """Who holds a live offer for this job, and who an exclusive one."""
    live = [one for search in job.searches for one in search.live]
    places = [(NAMES.index(one.driver), one.exclusive) for one in live]
    return [place for place, _ in places], [place for place, exclusive in places if exclusive]
