"""What can be done with a search: one function a command, inside the caller's transaction.

Each locks the search (then perhaps a driver), lets `domain` decide, writes what changed, and emits what
happened. If the process dies on any line before the commit, nothing happened; after it, the outbox tells.
"""

from functools import partial
from uuid import UUID

from contracts.events import (
    AssignmentCreated,
    JobCreated,
    JobRetried,
    JobStatusChanged,
)
from contracts.ids import new_id
from contracts.models import Job, JobStatus
from matching import domain, drivers, leases, metrics, outgoing, service_types, store
from matching.asking import Reach, ask_next
from matching.policies.candidates import gate
from matching.regions import region_of
from matching.states import (
    Assigned,
    Closed,
    Failure,
    Offered,
    OfferState,
    Outcome,
    Rejection,
    Released,
    Search,
    SearchState,
)
from matching.store import DriverRow, SearchRow
from wire.problem import ProblemError, not_found
from wire.sql import Transaction
from wire.telemetry import continuing, traceparent
from wire.timers import Cancellation, Schedule

OFFER, SEARCH = "offer", "search"
"""Kinds of deadlines."""

STATUS_OF_REFUSAL = {"not_approved": 403, "not_offered": 403}


async def start_search(tx: Transaction, reach: Reach, event: JobCreated | JobRetried) -> None:
    """A job wants a driver (B1, B10). An attempt that is known already, or older than one, is not begun."""
    job = event.job
    known = await store.lock_latest(tx.session, job.id)
    if known and known[1].attempt >= job.attempt:
        return
    kept = await service_types.rules_of(tx.session, job.service_type)
    rules = service_types.rules_from(kept or service_types.DEFAULT)
    begun = domain.start(new_id(), job.id, job.attempt, rules, tx.now)
    row = _row_of(job, begun.search, kept or service_types.DEFAULT)
    if kept is None:
        failed = domain.fail(begun.search, Failure.unknown_service_type, tx.now)
        await _record(tx, row, None, Outcome(failed.search, begun.happened + failed.happened))
        return
    if row.region:
        await leases.meet(tx, reach.share, row.region, rules.reach_m)
    if begun.search.deadline:
        tx.schedule(Schedule(SEARCH, row.id, begun.search.deadline))
    await _record(tx, row, None, await ask_next(tx, reach, row, begun))


def _row_of(job: Job, search: Search, kept: dict[str, object]) -> SearchRow:
    pickup = job.pickup
    return SearchRow(
        id=search.id,
        job_id=search.job,
        customer_id=job.customer_id,
        attempt=search.attempt,
        state=search.state.value,
        rules=kept,
        region=region_of(pickup.lat, pickup.lng) if pickup and search.rules.reach_m else None,
        rung=search.rung,
        open=search.open,
        job=job.model_dump(mode="json"),
        started_at=search.started_at,
        deadline=search.deadline,
        trace=traceparent(),
    )


async def accept(tx: Transaction, driver_id: str, job_id: UUID) -> None:
    """One driver takes the job: search, driver, offers and events in this one transaction (A5, B7, E1).

    ProblemError 409 when another has it or the offer is over, 403 when the driver may not, 404 when unknown.
    """
    found = await store.lock_latest(tx.session, job_id)
    if found is None:
        raise not_found("job")
    driver = await store.lock_driver(tx.session, driver_id)
    if driver is None:
        raise ProblemError("not_approved", "Driver is not approved", 403)
    row, search = found
    outcome = _accepted(domain.accept(search, store.driver_from(driver), tx.now, new_id))
    await _record(tx, row, search, outcome, driver)


async def decline(tx: Transaction, reach: Reach, driver_id: str, job_id: UUID) -> None:
    """The driver says no; the next one is asked at once (B5)."""
    found = await store.lock_latest(tx.session, job_id)
    if found is None:
        raise not_found("job")
    row, search = found
    outcome = _accepted(domain.decline(search, driver_id, tx.now))
    await _record(tx, row, search, await _go_on(tx, reach, row, outcome))


def _accepted(decided: Outcome | Rejection) -> Outcome:
    if isinstance(decided, Rejection):
        raise ProblemError(decided.code, decided.message, STATUS_OF_REFUSAL.get(decided.code, 409))
    return decided


async def offer_due(tx: Transaction, reach: Reach, offer_id: UUID) -> None:
    """An offer's deadline was announced, or the sweep found it passed (B4)."""
    search_id = await store.search_of_offer(tx.session, offer_id)
    found = await store.lock_search(tx.session, search_id) if search_id else None
    if found is None:
        return
    row, search = found
    outcome = domain.expire(search, offer_id, tx.now)
    await _record(tx, row, search, await _go_on(tx, reach, row, outcome))


async def search_due(tx: Transaction, search_id: UUID) -> None:
    """A search's deadline was announced, or the sweep found it passed (B9)."""
    found = await store.lock_search(tx.session, search_id)
    if found:
        row, search = found
        await _record(tx, row, search, domain.time_out(search, tx.now))


async def ask_again(tx: Transaction, reach: Reach, search_id: UUID) -> None:
    """A search that waits for a look, or for nobody, goes on."""
    found = await store.lock_search(tx.session, search_id)
    if found and (found[0].waiting or not (found[1].live or found[1].open)):
        row, search = found
        await _record(tx, row, search, await ask_next(tx, reach, row, Outcome(search)))


async def job_cancelled(tx: Transaction, job: Job) -> None:
    """The job is off (B11). Heard before its creation, it is remembered, so that no search begins.

    Heard twice, by request and as an event, the second changes nothing. ProblemError 409 `conflict` when the
    job's search was begun at the same moment: to be tried again.
    """
    found = await store.lock_latest(tx.session, job.id)
    if found is None or found[1].attempt < job.attempt:
        search = domain.start(
            new_id(), job.id, job.attempt, service_types.rules_from(service_types.DEFAULT), tx.now
        ).search
        row = _row_of(job, search, service_types.DEFAULT)
        await _record(tx, row, None, Outcome(domain.cancel(search, tx.now).search))
    if found:
        row, search = found
        outcome = domain.cancel(search, tx.now)
        holder = search.driver if search.state is SearchState.assigned else None
        driver = await store.lock_driver(tx.session, holder) if holder else None
        await _record(tx, row, search, outcome, driver)


async def job_moved_on(tx: Transaction, event: JobStatusChanged) -> None:
    """A completed job frees its driver (C12, A14)."""
    if event.job.status is not JobStatus.completed or event.driver_id is None:
        return
    driver = await store.lock_driver(tx.session, event.driver_id)
    if driver is not None and driver.active_job == event.job_id:
        driver.completed_jobs += 1
        _free(tx, driver)


async def settle(tx: Transaction, reach: Reach, driver_id: str, reason: str) -> None:
    """A driver who is busy or offline now holds no offers: they are withdrawn and their searches go on."""
    driver = await tx.session.get(DriverRow, driver_id)
    if driver and driver.online and driver.approved and driver.active_job is None:
        return  # back before this was heard
    for row, search in await store.lock_offering_to(tx.session, driver_id):
        outcome = domain.withdraw(search, driver_id, reason, tx.now)
        await _record(tx, row, search, await _go_on(tx, reach, row, outcome))


async def driver_taken(tx: Transaction, reach: Reach, event: AssignmentCreated) -> None:
    """Whoever was assigned cannot take what else it was offered."""
    await settle(tx, reach, event.driver.id, "driver_busy")


async def offer_to_newcomer(tx: Transaction, search_id: UUID, driver_id: str) -> None:
    """A driver came online in reach of an open broadcast: it is shown the job too (A9)."""
    found = await store.lock_search(tx.session, search_id)
    if found is None:
        return
    row, search = found
    [(_, standing)] = await store.standings(tx.session, [driver_id])
    if gate(standing, None, exclusive=False) or search.over(tx.now):
        return  # it took another meanwhile, or the time for this one is over
    if search.open and driver_id not in search.tried:
        await _record(tx, row, search, domain.offer(search, [driver_id], tx.now, new_id))


async def _go_on(tx: Transaction, reach: Reach, row: SearchRow, outcome: Outcome) -> Outcome:
    """After an offer ended, the next driver is asked.

    What that means to the driver who had it is written first: whoever holds a driver waits for no other.
    """
    closed = [one.offer for one in outcome.happened if isinstance(one, Closed)]
    for offer in closed:
        if offer.state in (OfferState.declined, OfferState.expired):
            await store.count_lost(tx.session, offer.driver)
    return await ask_next(tx, reach, row, outcome) if closed else outcome


async def _record(
    tx: Transaction, row: SearchRow, before: Search | None, outcome: Outcome, driver: DriverRow | None = None
) -> None:
    """Write the search, and emit what happened in its order."""
    after = outcome.search
    await store.save(tx.session, row, before, after)
    with continuing(row.trace):
        _tell(tx, row, outcome, driver)
        _forget_deadlines(tx, before, after)
    tx.afterwards.append(partial(metrics.count, row, before, outcome))


def _tell(tx: Transaction, row: SearchRow, outcome: Outcome, driver: DriverRow | None) -> None:
    after = outcome.search
    for happened in outcome.happened:
        tx.emit(*outgoing.events_of(row, after, happened, driver))
        match happened:
            case Assigned(offer) if driver:
                driver.active_job, driver.active_customer = row.job_id, row.customer_id
                driver.offers_taken += 1
                driver.version += 1
                drivers.announce(tx, driver)
            case Released() if driver and driver.active_job == row.job_id:
                _free(tx, driver)
            case Offered(offer) if offer.expires_at:
                tx.schedule(Schedule(OFFER, offer.id, offer.expires_at))


def _free(tx: Transaction, driver: DriverRow) -> None:
    driver.active_job = driver.active_customer = None
    driver.idle_since = tx.now
    driver.version += 1
    drivers.announce(tx, driver)


def _forget_deadlines(tx: Transaction, before: Search | None, after: Search) -> None:
    """Timers that have nothing left to do; one that fires all the same does no harm."""
    if before is None:
        return
    if before.deadline and before.state is SearchState.searching is not after.state:
        tx.cancel(Cancellation(SEARCH, after.id))
    still = {offer.id for offer in after.live}
    tx.cancel(
        *(Cancellation(OFFER, gone.id) for gone in before.live if gone.expires_at and gone.id not in still)
    )
