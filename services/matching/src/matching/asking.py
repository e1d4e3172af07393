"""Whom to ask next: candidates from the supply map and the database, a step from the policy, an offer."""

from collections.abc import Collection

from contracts.ids import new_id
from contracts.models import Job
from matching import domain, store
from matching.policies.candidates import Candidate
from matching.policies.choose import Ask, GiveUp, Wait, next_step
from matching.states import Mode, Outcome, Search
from matching.store import SearchRow
from matching.supply import Supply
from wire.sql import Transaction

NEAREST = 50
"""Drivers looked at in the database at a time, nearest first, until one of them may be asked."""


async def ask_next(tx: Transaction, supply: Supply, row: SearchRow, so_far: Outcome) -> Outcome:
    """`so_far`, and what the policy does next about it.

    Drivers that are in another command's hands at this moment are passed over, never waited for. If nobody
    else is left the search does not give up: the sweep asks again within its period.
    """
    search, contended = so_far.search, set[str]()
    while True:
        candidates = await _candidates(tx, supply, row, search, contended)
        step = next_step(search, candidates)
        match step:
            case Wait():
                return so_far
            case GiveUp(failure):
                if contended:
                    return so_far
                return _then(so_far, domain.fail(search, failure, tx.now))
            case Ask(drivers):
                if search.rules.mode is Mode.broadcast or await _reserved(tx, drivers[0]):
                    return _then(so_far, domain.offer(search, drivers, tx.now, new_id))
                contended.add(drivers[0])


def _then(so_far: Outcome, more: Outcome) -> Outcome:
    return Outcome(more.search, so_far.happened + more.happened)


async def _reserved(tx: Transaction, driver: str) -> bool:
    """Held for this transaction, and still to be asked now that it is held."""
    if not await store.reserve(tx.session, driver):
        return False
    return bool(await store.eligible(tx.session, among=[driver], vehicle_type=None, exclusive=True))


async def _candidates(
    tx: Transaction, supply: Supply, row: SearchRow, search: Search, contended: Collection[str]
) -> list[Candidate]:
    job, rules = Job.model_validate(row.job), search.rules
    without = search.tried | set(contended)
    exclusive = rules.mode is Mode.cascade
    if job.pickup is None:
        rows = await store.eligible(
            tx.session, among=None, vehicle_type=job.vehicle_type, exclusive=exclusive, without=without
        )
        return [Candidate(one.id, None, one.rating) for one in rows]
    near = supply.within(
        job.pickup.lat,
        job.pickup.lng,
        max(rules.radii_m),
        fresh_since=tx.now - rules.stale_after,
        vehicle_type=job.vehicle_type,
        without=without,
    )
    nearest = sorted(near, key=lambda pair: pair[1])
    step = NEAREST if exclusive else max(1, len(nearest))
    for start in range(0, len(nearest), step):
        distances = dict(nearest[start : start + step])
        rows = await store.eligible(
            tx.session, among=distances.keys(), vehicle_type=job.vehicle_type, exclusive=exclusive
        )
        if rows:
            return [Candidate(one.id, distances[one.id], one.rating) for one in rows]
    return []
