"""Invariants 1, 2, 3 and 6 of DESIGN §5, checked on what the clients saw and what the API says once quiet.

Pure. Server times are compared with server times and client times with client times; the one clock is not
held against the other. Each function yields the violations of one rule; those of invariant 6 are in
`agreement`.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from city.agreement import agreement, freed, steps
from city.api import Dispatch
from city.evidence import ENDED, Evidence, Violation, offers_of, taken_openly
from city.ledger import Accept, JobSeen, Outcome

WAIT = timedelta(seconds=2)
"""A transaction takes its time when it begins, and may then wait for a connection or a lock: an accept may
seem so much earlier than it was. What is shorter is found by the clients' own times."""

CLOCKS = timedelta(milliseconds=20)
"""How far the clocks of two processes may differ, and ids are to the millisecond only."""

CROSSING = 30.0
"""Seconds after a cancel in which an accept may still cross it on a busy bus, to be released again. Accepts
after matching heard of the cancel are found sooner: by what the driver was told, and by disagreement."""


def violations(evidence: Evidence) -> list[Violation]:
    """Every violation found; empty is what must be."""
    return [found for rule in RULES for found in rule(evidence)]


def kept(evidence: Evidence) -> Iterator[Violation]:
    """1: a booking answered 2xx exists."""
    for job in evidence.jobs.values():
        if job.keys and evidence.after.bookings.get(job.id) is None:
            yield Violation(1, f"booking {job.id} was answered 2xx and does not exist", frozenset({job.id}))


def same_key(evidence: Evidence) -> Iterator[Violation]:
    """1: the same Idempotency-Key gave the same booking, and no other key did."""
    by_key: dict[str, set[str]] = defaultdict(set)
    for job in evidence.jobs.values():
        for key in job.keys:
            by_key[key].add(job.id)
        if len(set(job.keys)) > 1:
            yield Violation(
                1, f"booking {job.id} was given for {len(set(job.keys))} orders", frozenset({job.id})
            )
    for key, ids in by_key.items():
        if len(ids) > 1:
            yield Violation(
                1, f"Idempotency-Key {key} gave bookings {', '.join(sorted(ids))}", frozenset(ids)
            )


def one_driver(evidence: Evidence) -> Iterator[Violation]:
    """2: at most one driver a job. An assignment ends only with the job, so there is one for good."""
    for job in evidence.jobs.values():
        named: dict[str, set[str]] = defaultdict(set)
        for accept in job.accepts:
            if accept.outcome is Outcome.won:
                named[accept.driver_id].add("accept answered ok")
        for by, driver_id in job.told:
            named[driver_id].add(by)
        booking, dispatch = evidence.after.bookings.get(job.id), evidence.after.dispatches.get(job.id)
        if booking and booking.driver:
            named[booking.driver.id].add("booking")
        for offer in offers_of(dispatch):
            if offer.state == "accepted":
                named[offer.driver_id].add("matching")
        if len(named) > 1:
            who = "; ".join(f"{driver} ({', '.join(sorted(by))})" for driver, by in sorted(named.items()))
            yield Violation(2, f"job {job.id} has {len(named)} drivers: {who}", frozenset({job.id}))


def one_job(evidence: Evidence) -> Iterator[Violation]:
    """2: at most one active job a driver: from matching's accept to the booking's end, by server times."""
    held: dict[str, list[tuple[datetime, datetime | None, str]]] = defaultdict(list)
    for job_id, dispatch in evidence.after.dispatches.items():
        booking = evidence.after.bookings.get(job_id)
        for offer in offers_of(dispatch):
            if booking and offer.state == "accepted" and offer.answered_at:
                end = booking.updated_at if booking.status in ENDED else None
                held[offer.driver_id].append((offer.answered_at, end, job_id))
    for driver_id, spans in held.items():
        for (_, end, first), (start, _, second) in pairwise(sorted(spans, key=lambda span: span[0])):
            if end is None or start < end - WAIT:
                text = f"driver {driver_id} took job {second} at {start} while on {first}"
                yield Violation(2, text, frozenset({first, second}), frozenset({driver_id}))


def one_job_seen(evidence: Evidence) -> Iterator[Violation]:
    """2: nobody wins a job before having reported another as completed, by the driver's own times."""
    held: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for job in evidence.jobs.values():
        if job.won and job.won.answered_at and job.completing_at:
            held[job.won.driver_id].append((job.won.answered_at, job.completing_at, job.id))
    for driver_id, spans in held.items():
        for (_, end, first), (start, _, second) in pairwise(sorted(spans)):
            if start < end:
                text = f"driver {driver_id} won job {second} {end - start:.1f} s before {first} was completed"
                yield Violation(2, text, frozenset({first, second}), frozenset({driver_id}))


def one_offer(evidence: Evidence) -> Iterator[Violation]:
    """3: at most one live exclusive offer a driver, by server times."""
    live: dict[str, list[tuple[datetime, datetime | None, str]]] = defaultdict(list)
    for job_id, dispatch in evidence.after.dispatches.items():
        for offer in offers_of(dispatch):
            if offer.exclusive:
                live[offer.driver_id].append((offer.decided_at, offer.answered_at, job_id))
    for driver_id, spans in live.items():
        for (_, end, first), (start, _, second) in pairwise(sorted(spans, key=lambda span: span[0])):
            if end is None or start < end - CLOCKS:
                text = f"driver {driver_id} was offered {second} at {start} while holding {first}'s offer"
                yield Violation(3, text, frozenset({first, second}), frozenset({driver_id}))


def timely(evidence: Evidence) -> Iterator[Violation]:
    """3: no accept after the offer's expiry or the booking's cancel, by server times."""
    for job_id, dispatch in evidence.after.dispatches.items():
        booking = evidence.after.bookings.get(job_id)
        cancelled = booking.updated_at if booking and booking.status == "cancelled" else None
        for offer in offers_of(dispatch):
            if offer.state != "accepted" or offer.answered_at is None:
                continue
            late = offer.answered_at - (offer.expires_at or offer.answered_at)
            if late > timedelta() and not taken_openly(dispatch, offer):
                text = f"{offer.driver_id} accepted {job_id} {late} after the offer's expiry"
                yield Violation(3, text, frozenset({job_id}))
            if cancelled and offer.answered_at > cancelled + timedelta(seconds=CROSSING):
                late = offer.answered_at - cancelled
                text = f"{offer.driver_id} accepted {job_id} {late} after its cancel"
                yield Violation(3, text, frozenset({job_id}))


def told_before(evidence: Evidence) -> Iterator[Violation]:
    """3: nobody wins who said yes after being told that the offer is over, or long after the cancel."""
    for job in evidence.jobs.values():
        for accept in job.accepts:
            if accept.outcome is not Outcome.won:
                continue
            if (how := _over_before(job, accept, evidence.after.dispatches.get(job.id))) is not None:
                text = f"{accept.driver_id} won {job.id} with an accept sent after it was told: {how}"
                yield Violation(3, text, frozenset({job.id}), frozenset({accept.driver_id}))
            if job.cancelled_at and accept.sent_at > job.cancelled_at + CROSSING:
                late = accept.sent_at - job.cancelled_at
                text = f"{accept.driver_id} said yes to {job.id} {late:.1f} s after its cancel and won"
                yield Violation(3, text, frozenset({job.id}), frozenset({accept.driver_id}))


def _over_before(job: JobSeen, accept: Accept, dispatch: Dispatch | None) -> str | None:
    """How the last offer that the driver had seen when it said yes had ended by then.

    None also for a job that stood open to all, which may be taken from the feed; and when what it won was a
    newer offer, still on its way to the driver.
    """
    shown = [each for each in job.offers if each.driver_id == accept.driver_id and each.at <= accept.sent_at]
    if not shown or not shown[-1].exclusive:
        return None
    offers = [each for each in offers_of(dispatch) if each.driver_id == accept.driver_id]
    if any(taken_openly(dispatch, each) for each in offers if each.state == "accepted"):
        return None
    if any(newer.state == "accepted" for newer in offers[len(shown) :]):
        return None
    last = shown[-1]
    return last.over if last.over_at is not None and last.over_at < accept.sent_at else None


RULES = (
    kept,
    same_key,
    one_driver,
    one_job,
    one_job_seen,
    one_offer,
    timely,
    told_before,
    steps,
    agreement,
    freed,
)
