"""A search for a driver: the commands that move it, and what each brings about. Pure.

A command takes the search and `now` and returns an `Outcome` (the search afterwards and what happened, in
order) or a `Rejection`. Nothing here reads a clock, makes an id or knows how it is stored.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from matching.states import (
    BUSY,
    NOT_APPROVED,
    TAKEN,
    Assigned,
    Closed,
    Driver,
    Ended,
    Failure,
    Happened,
    Offer,
    Offered,
    OfferState,
    Outcome,
    Rejection,
    Released,
    Rules,
    Search,
    SearchState,
    Started,
)


def start(search_id: UUID, job: UUID, attempt: int, rules: Rules, now: datetime) -> Outcome:
    """Begin a search (B1); its deadline is its life from now (B9)."""
    deadline = now + rules.search_life if rules.search_life else None
    return Outcome(Search(search_id, job, attempt, rules, now, deadline), (Started(),))


def offer(search: Search, drivers: Sequence[str], now: datetime, new_id: Callable[[], UUID]) -> Outcome:
    """Put the job before these drivers, as the present step does: exclusively, or shared (A1, B2)."""
    step = search.step
    expires_at = now + step.offer_life if step.offer_life else None
    made = tuple(
        Offer(
            id=new_id(),
            driver=driver,
            number=len(search.offers) + place,
            exclusive=step.exclusive,
            created_at=now,
            expires_at=expires_at,
            rung=search.rung,
        )
        for place, driver in enumerate(drivers, start=1)
    )
    return Outcome(replace(search, offers=search.offers + made), tuple(Offered(one) for one in made))


def climb(search: Search) -> Outcome:
    """Go to the next step of the ladder, if there is one (E5)."""
    return Outcome(replace(search, rung=min(search.rung + 1, len(search.rules.steps) - 1)))


def accept(search: Search, driver: Driver, now: datetime, new_id: Callable[[], UUID]) -> Outcome | Rejection:
    """One driver takes the job; everybody else's offer ends (A5, B7).

    An open job may be taken by a driver who saw it in the feed without having had an offer, or who declined
    it or let it lapse before (A9). A driver who has won already is told so again.
    """
    if search.state is SearchState.assigned and search.driver == driver.id:
        return Outcome(search)
    won = search.latest_to(driver.id)
    if won is None and search.open:
        won = offer(search, [driver.id], now, new_id).search.latest_to(driver.id)
    if refusal := _refusal(search, driver, won, now):
        return refusal
    assert won is not None  # noqa: S101  # _refusal answers that
    others = tuple(one for one in search.offers if one.id != won.id)
    won = replace(won, state=OfferState.accepted, answered_at=now)
    assigned = replace(
        search, offers=(*others, won), state=SearchState.assigned, driver=driver.id, ended_at=now
    )
    cleared = _close_live(assigned, OfferState.withdrawn, "taken", now)
    return Outcome(cleared.search, (Assigned(won), *cleared.happened))


def _refusal(search: Search, driver: Driver, held: Offer | None, now: datetime) -> Rejection | None:
    """Why this driver cannot have the job; the driver's own standing first."""
    if not driver.approved:
        return NOT_APPROVED
    if search.state is SearchState.assigned:
        return TAKEN
    if search.state is not SearchState.searching or search.over(now):
        return Rejection("job_gone", "The job is no longer available")
    if driver.active_job is not None:
        return BUSY
    if search.open:
        return None
    return _unacceptable(held, now) if held else Rejection("not_offered", "The job was not offered to you")


def _unacceptable(offer: Offer, now: datetime) -> Rejection | None:
    if offer.state is OfferState.expired or (offer.expires_at and now >= offer.expires_at):
        return Rejection("offer_expired", "The offer has expired")
    if offer.state is not OfferState.pending:
        return Rejection("offer_closed", f"The offer was {offer.state}")
    return None


def decline(search: Search, driver: str, now: datetime) -> Outcome | Rejection:
    """The driver says no (B5). Saying it twice, or after the offer ended, changes nothing."""
    declined = search.latest_to(driver)
    if declined is None:
        return Rejection("not_offered", "The job was not offered to you")
    if declined.state is not OfferState.pending:
        return Outcome(search)
    return _close(search, declined, OfferState.declined, "declined", now)


def expire(search: Search, offer_id: UUID, now: datetime) -> Outcome:
    """The offer's time is over (B4). Too early, or already answered: nothing."""
    late = next((one for one in search.live if one.id == offer_id), None)
    if late is None or late.expires_at is None or now < late.expires_at:
        return Outcome(search)
    return _close(search, late, OfferState.expired, "expired", now)


def withdraw(search: Search, driver: str, reason: str, now: datetime) -> Outcome:
    """The driver can no longer take it: went offline, or took another job."""
    held = search.latest_to(driver)
    if held is None or held.state is not OfferState.pending:
        return Outcome(search)
    return _close(search, held, OfferState.withdrawn, reason, now)


def time_out(search: Search, now: datetime) -> Outcome:
    """The search's life is over (B9). Too early, or already ended: nothing."""
    if search.state is not SearchState.searching or not search.over(now):
        return Outcome(search)
    return _end(search, SearchState.timed_out, "search_timed_out", now)


def fail(search: Search, failure: Failure, now: datetime) -> Outcome:
    """Nobody is left to ask (B8)."""
    return _end(replace(search, failure=failure), SearchState.failed, failure.value, now)


def cancel(search: Search, now: datetime) -> Outcome:
    """The job is off (B11): offers are withdrawn, and a driver who has it is free again."""
    if search.state is SearchState.searching:
        return _end(search, SearchState.cancelled, "job_cancelled", now)
    if search.state is SearchState.assigned and search.driver:
        released = Released(search.driver, "job_cancelled")
        return Outcome(replace(search, state=SearchState.cancelled, ended_at=now), (released, Ended()))
    return Outcome(search)


def _end(search: Search, state: SearchState, reason: str, now: datetime) -> Outcome:
    cleared = _close_live(replace(search, state=state, ended_at=now), OfferState.withdrawn, reason, now)
    return Outcome(cleared.search, (*cleared.happened, Ended()))


def _close(search: Search, offer: Offer, state: OfferState, reason: str, now: datetime) -> Outcome:
    closed = replace(offer, state=state, answered_at=now)
    return Outcome(_with(search, closed), (Closed(closed, reason),))


def _close_live(search: Search, state: OfferState, reason: str, now: datetime) -> Outcome:
    happened: tuple[Happened, ...] = ()
    for one in search.live:
        closed = _close(search, one, state, reason, now)
        search, happened = closed.search, happened + closed.happened
    return Outcome(search, happened)


def _with(search: Search, changed: Offer) -> Search:
    offers = tuple(changed if one.id == changed.id else one for one in search.offers)
    return replace(search, offers=offers)
