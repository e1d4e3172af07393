"""Whom to ask next: candidates from the supply map and the database, a step from the policy, an offer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

from contracts.ids import new_id
from contracts.models import Job
from matching import decisions, domain, store
from matching.drivers import acceptance_rate
from matching.eta import Eta
from matching.policies.candidates import Candidate, Standing, gate
from matching.policies.choose import Ask, Climb, GiveUp, Wait, next_step
from matching.positions import Whereabouts
from matching.share import Share
from matching.states import Gate, Outcome, Policy, Search, SearchState
from matching.store import DriverRow, SearchRow
from matching.supply import Supply
from wire.sql import Transaction

NEAREST = 50
"""Drivers looked at in the database at first, nearest first; more if none of them may be asked."""
MORE = 4
"""So many times more are looked at then."""


@dataclass(frozen=True)
class Reach:
    """What is known of the drivers around a pickup: where they are, and how long they take to it; and for
    which regions it is this replica that knows."""

    supply: Supply
    eta: Eta
    share: Share
    whereabouts: Whereabouts


@dataclass
class Seen:
    """One look for drivers. `complete`: nobody else was in reach."""

    candidates: list[Candidate] = field(default_factory=list)
    passed_over: dict[str, Gate] = field(default_factory=dict)
    complete: bool = True


async def ask_next(tx: Transaction, reach: Reach, row: SearchRow, so_far: Outcome) -> Outcome:
    """`so_far`, and what the policy does next about it.

    Drivers that are in another command's hands at this moment are passed over, never waited for. If nobody
    else is left the search neither gives up nor climbs: the sweep asks again within its period.

    If another replica has the map, it is left to that one: the row says that it waits for a look.
    """
    contended = set[str]()
    while _is_ours(tx, reach, row, so_far.search):
        search = so_far.search
        seen = await _look(tx, reach, row, search, contended)
        match next_step(search, seen.candidates):
            case Wait():
                if search.open:
                    _keep(tx, search, seen, contended)
                return so_far
            case Climb() | GiveUp() if contended:
                return so_far
            case Climb():
                _keep(tx, search, seen, contended)
                so_far = _then(so_far, domain.climb(search))
            case GiveUp(failure):
                _keep(tx, search, seen, contended)
                return _then(so_far, domain.fail(search, failure, tx.now))
            case Ask(drivers):
                if search.step.exclusive and not await _reserved(tx, drivers[0]):
                    contended.add(drivers[0])
                    continue
                _keep(tx, search, seen, contended)
                return _then(so_far, domain.offer(search, drivers, tx.now, new_id))
    return so_far


def _is_ours(tx: Transaction, reach: Reach, row: SearchRow, search: Search) -> bool:
    """Whether to look for drivers now, and here. If another has the map it is told, after the commit."""
    if search.over(tx.now):  # whoever was asked now could not accept any more
        return False
    row.waiting = False
    if row.region and search.step.radii_m and search.state is SearchState.searching:
        row.waiting = not reach.share.covers(row.region, search.rules.reach_m)
        if row.waiting:
            tx.afterwards.append(partial(reach.share.pass_on, row.region, row.id))
    return not row.waiting


def _then(so_far: Outcome, more: Outcome) -> Outcome:
    return Outcome(more.search, so_far.happened + more.happened)


def _keep(tx: Transaction, search: Search, seen: Seen, contended: Collection[str]) -> None:
    passed_over = seen.passed_over | dict.fromkeys(contended, Gate.contended)
    passed_over |= dict.fromkeys(sorted(search.tried), Gate.tried)
    decisions.keep(tx, search, seen.candidates, passed_over, complete=seen.complete)


async def _reserved(tx: Transaction, driver: str) -> bool:
    """Held for this transaction, and still to be asked now that it is held."""
    if not await store.reserve(tx.session, driver):
        return False
    found = await store.standings(tx.session, [driver])
    return bool(found) and gate(found[0][1], None, exclusive=True) is None


async def _look(
    tx: Transaction, reach: Reach, row: SearchRow, search: Search, contended: Collection[str]
) -> Seen:
    job = Job.model_validate(row.job)
    without = search.tried | set(contended)
    if search.step.policy is Policy.direct:
        wished = {job.requested_driver_id} - without - {None}
        found = await store.standings(tx.session, [one for one in wished if one])
        return await _judged(tx, reach, job, search, found=found, distances={})
    if job.pickup is None:
        found = await store.everyone(tx.session, without)
        return await _judged(tx, reach, job, search, found=found, distances={})
    return await _around(tx, reach, job, search, without)


async def _around(tx: Transaction, reach: Reach, job: Job, search: Search, without: Collection[str]) -> Seen:
    """The nearest on the map; as many as it takes to find one that the database lets us ask."""
    assert job.pickup is not None  # noqa: S101  # the caller looked
    count = None if search.open else max(NEAREST, search.step.at_once)
    while True:
        near = reach.supply.nearest(
            job.pickup.lat,
            job.pickup.lng,
            max(search.step.radii_m),
            count,
            fresh_since=tx.now - search.rules.stale_after,
            vehicle_type=job.vehicle_type,
            without=without,
        )
        distances = dict(near.found)
        found = await store.standings(tx.session, distances)
        seen = await _judged(tx, reach, job, search, found=found, distances=distances)
        seen.passed_over |= near.passed_over
        seen.complete = count is None or len(near.found) < count
        if seen.candidates or seen.complete or count is None:
            return seen
        count *= MORE


async def _judged(
    tx: Transaction,
    reach: Reach,
    job: Job,
    search: Search,
    *,
    found: list[tuple[DriverRow, Standing]],
    distances: Mapping[str, float],
) -> Seen:
    """Who of them may be asked, with all that the ranking looks at."""
    seen, fitting = Seen(), list[DriverRow]()
    for row, standing in found:
        if against := gate(standing, job.vehicle_type, exclusive=search.step.exclusive):
            seen.passed_over[row.id] = against
        else:
            fitting.append(row)
    fitting.sort(key=lambda row: distances.get(row.id, 0.0))
    places = {row.id: distances[row.id] for row in fitting if row.id in distances}
    etas = await reach.eta.seconds(reach.supply, job, places) if places and not search.open else {}
    seen.candidates = [_candidate(tx, row, distances.get(row.id), etas.get(row.id)) for row in fitting]
    return seen


def _candidate(tx: Transaction, row: DriverRow, distance_m: float | None, eta_s: float | None) -> Candidate:
    return Candidate(
        driver=row.id,
        distance_m=distance_m,
        eta_s=eta_s,
        rating=row.rating,
        idle_s=(tx.now - row.idle_since).total_seconds() if row.idle_since else 0.0,
        acceptance=acceptance_rate(row),
    )
