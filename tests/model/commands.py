"""Everything that can happen to one job, in any state of it, whoever does it and whenever it comes."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from tests.model import invariants
from tests.model.invariants import View
from tests.model.transactions import Command, Label, Transactions, Turn, book
from tests.model.world import NAMES, NOW, Job, Letter

from booking import domain as booking
from booking.domain import Life, Status
from matching.states import Offer, Policy, Search, SearchState

TRIP = tuple(booking.NEXT_STEP.values())
"""The driver's steps, in their order."""


def commands(do: Transactions, job: Job, view: View) -> Iterator[Command]:
    """Each with a label; running one gives every way in which it can end, or nothing if it is refused."""
    if job.life is None:
        yield Label("a customer orders"), partial(_order, job)
        return
    yield from _by_people(do, job, job.life)
    if do.setting.requests:
        yield from _by_requests(do, job, view, job.life)
    yield from _by_letters(do, job, view)
    yield from _by_drivers(do, job, view)
    for search in job.searches:
        yield from _by_time(do, job, view, search)


def _order(job: Job) -> Iterator[Turn]:
    life = Life(Status.pending, 1, None)
    yield Turn(job._replace(life=life).write([Letter("created", 1)]))


def _by_requests(do: Transactions, job: Job, view: View, life: Life) -> Iterator[Command]:
    """What booking asks of matching beside a command (ADR 12, ADR 13), whenever it could, and again."""
    if life.status is Status.cancelled:
        yield Label("booking asks matching to end the search"), partial(do.end_search, job, view, life)
    if look(job, life) != life:
        yield Label("booking looks at the search"), partial(_look, job, life)


def look(job: Job, life: Life) -> Life:
    """`booking.commands._look_at_search` and `booking.usecases.search_seen`."""
    search = job.newest
    if search is None or life.status is not Status.pending:
        return life
    match search.state:
        case SearchState.assigned:
            return booking.assign(life, search.driver or "", search.attempt)
        case SearchState.failed | SearchState.timed_out:
            return booking.give_up(life, search.attempt)
        case _:
            return life


def _look(job: Job, life: Life) -> Iterator[Turn]:
    if after := book(life, look(job, life)):
        yield Turn(job._replace(life=after))


def _by_people(do: Transactions, job: Job, life: Life) -> Iterator[Command]:
    if do.setting.cancels:
        yield Label("the customer cancels"), partial(_cancel, job, life)
    if life.attempt < do.setting.attempts:
        yield Label("the customer wants another search"), partial(_retry, do, job, life)
    if not do.setting.stepwise:
        yield Label("the driver drives the whole trip"), partial(_advance, do, job, life, life.driver, TRIP)
        return
    for driver in range(do.setting.drivers):
        for step in TRIP:
            label = Label(f"{{driver}} says {step}", driver)
            yield label, partial(_advance, do, job, life, NAMES[driver], (step,))


def _cancel(job: Job, life: Life) -> Iterator[Turn]:
    """`booking.usecases.cancel`."""
    if after := book(life, booking.cancel(life)):
        yield Turn(job._replace(life=after).write([Letter("cancelled", after.attempt)]))


def _retry(do: Transactions, job: Job, life: Life) -> Iterator[Turn]:
    """`booking.commands.retry`: after a look at the search."""
    seen = look(job, life) if do.setting.requests else life
    after = book(seen, booking.retry(seen))
    if do.setting.requests:
        invariants.check_retry(job, life, after)
    if after:
        yield Turn(job._replace(life=after).write([Letter("retried", after.attempt)]))


def _advance(
    do: Transactions, job: Job, life: Life, by: str | None, steps: tuple[Status, ...]
) -> Iterator[Turn]:
    """`booking.commands.advance`, once or for every step of the trip: after a look at the search."""
    known = life
    if do.setting.requests:
        life = look(job, life)
    by = by or life.driver
    for step in steps:
        after = book(life, booking.advance(life, step, by)) if by else None
        if step is TRIP[0] and do.setting.requests:
            invariants.check_first_step(job, known, by, after)
        if after is None:
            return
        life = after
    letters = (
        [Letter("completed", life.attempt, _place(life.driver))] if life.status is Status.completed else []
    )
    yield Turn(job._replace(life=life).write(letters))


def _place(driver: str | None) -> int:
    return NAMES.index(driver) if driver else -1


def _by_letters(do: Transactions, job: Job, view: View) -> Iterator[Command]:
    """Any letter at any time, and again. That of who was taken concerns all jobs, so the explorer has it."""
    for letter in job.letters:
        if letter.kind != "taken":
            again = ", again" if letter.heard else ""
            label = Label(f"`{letter.kind}` of search {letter.attempt} is delivered{again}", letter.driver)
            yield label, partial(_deliver, do, job, view, letter)


def _deliver(do: Transactions, job: Job, view: View, letter: Letter) -> Iterator[Turn]:
    heard = job.hear(letter)
    match letter.kind:
        case "created" | "retried":
            turns = list(do.start_search(heard, view, letter.attempt))
        case "cancelled":
            turns = list(do.job_cancelled(heard, view, letter))
        case "completed":
            turns = list(do.job_moved_on(heard, view, letter))
        case _:
            turns = list(_follow(heard, letter))
    yield from turns or [Turn(heard)]


def _follow(job: Job, letter: Letter) -> Iterator[Turn]:
    """`booking.usecases.assigned` and `search_ended`."""
    if job.life:
        if letter.kind == "assigned":
            life = booking.assign(job.life, NAMES[letter.driver], letter.attempt)
        else:
            life = booking.give_up(job.life, letter.attempt)
        if after := book(job.life, life):
            yield Turn(job._replace(life=after))


def _by_drivers(do: Transactions, job: Job, view: View) -> Iterator[Command]:
    """Whoever it is: invited or not, approved or not, busy or not."""
    for driver in range(do.setting.drivers):
        yield Label("{driver} accepts", driver), partial(do.accept, job, view, driver)
        yield Label("{driver} declines", driver), partial(do.decline, job, view, driver)
        search, seen = job.newest, view[driver]
        if search and search.open and seen.online and seen.approved and not seen.busy:
            label = Label("{driver}, who came online, is shown it", driver)
            yield label, partial(do.offer_to_newcomer, job, view, search, driver)


def _by_time(do: Transactions, job: Job, view: View, search: Search) -> Iterator[Command]:
    which = f"search {search.attempt}"
    if search.deadline:
        if search.state is SearchState.searching and search.deadline > NOW:
            yield Label(f"the time of {which} is over"), partial(_pass, job, replace(search, deadline=NOW))
        yield Label(f"the timer of {which} fires"), partial(do.search_due, job, view, search)
    for offer in search.offers:
        if offer.expires_at:
            label = Label("the timer of {driver}'s offer fires", NAMES.index(offer.driver))
            yield label, partial(do.offer_due, job, view, search, offer.id)
    for together in _ripe(search):
        offers = tuple(replace(one, expires_at=NOW) if one in together else one for one in search.offers)
        label = Label("the time of {driver}'s offer is over", NAMES.index(together[0].driver))
        yield label, partial(_pass, job, replace(search, offers=offers))
    if not search.live:
        yield Label(f"the sweep lets {which} ask again"), partial(do.ask_again, job, view, search)


def _pass(job: Job, search: Search) -> Iterator[Turn]:
    """Time goes by, and nobody has noticed yet."""
    yield Turn(job.keep(search))


def _ripe(search: Search) -> Iterator[tuple[Offer, ...]]:
    """Live offers whose time can be over next. Those of a group were made at one instant and go together."""
    live = tuple(one for one in search.live if one.expires_at and one.expires_at > NOW)
    if live and search.step.policy is Policy.group:
        yield live
    else:
        yield from ((one,) for one in live)
