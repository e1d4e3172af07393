"""Invariant 6 of DESIGN §5: steps in order, and booking and matching of one mind. Pure; see `invariants`."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from city.evidence import ENDED, HELD, RANK, Evidence, Violation

SEARCH_STATES = {
    "pending": {"searching"},
    "unfulfilled": {"failed", "timed_out"},
    "cancelled": {"cancelled", "failed", "timed_out"},
} | {status: {"assigned"} for status in HELD}


def steps(evidence: Evidence) -> Iterator[Violation]:
    """6: each client was told legal steps in their order. What a lost connection skipped is no violation."""
    for job in evidence.jobs.values():
        for client, seen in job.steps.items():
            for before, after in pairwise(seen):
                gap = evidence.disturbed or before.connection != after.connection
                if not legal(before.status, after.status, gap=gap):
                    text = f"{client} was told {after.status} after {before.status} of job {job.id}"
                    yield Violation(6, text, frozenset({job.id}))


def legal(before: str, after: str, *, gap: bool) -> bool:
    """Whether a client may hear `after` next. The same again is harmless; with a `gap` some may lack."""
    if before == after:
        return True
    if before in ENDED:
        return False
    if after in {"cancelled", "pending"}:
        return after == "cancelled" or before == "unfulfilled"
    if after == "unfulfilled":
        return before == "pending" or gap
    start = 0 if before == "unfulfilled" else RANK.get(before, -1)
    far = RANK.get(after, -1) - start
    return far >= 1 if gap else far == 1


def agreement(evidence: Evidence) -> Iterator[Violation]:
    """6: once quiet, booking and matching say the same of each job."""
    for job_id, booking in evidence.after.bookings.items():
        if booking is None:
            continue
        dispatch = evidence.after.dispatches.get(job_id)
        if dispatch is None or not dispatch.attempts:
            yield Violation(
                6, f"booking {job_id} is {booking.status}; matching does not know it", frozenset({job_id})
            )
            continue
        last = dispatch.attempts[-1]
        if last.state not in SEARCH_STATES.get(booking.status, set()):
            text = f"booking {job_id} is {booking.status} while matching's search is {last.state}"
            yield Violation(6, text, frozenset({job_id}))
        holder = booking.driver.id if booking.driver else None
        if booking.status in HELD and holder != last.driver_id:
            text = f"booking {job_id} has driver {holder}, matching {last.driver_id}"
            yield Violation(6, text, frozenset({job_id}))


def freed(evidence: Evidence) -> Iterator[Violation]:
    """6: once quiet, a driver is busy exactly with a job that is under way and its own."""
    for driver_id, driver in evidence.after.drivers.items():
        if driver is None:
            yield Violation(6, f"driver {driver_id} is not known any more", drivers=frozenset({driver_id}))
            continue
        job_id = driver.active_job_id
        if (driver.state == "busy") != (job_id is not None) and driver.state != "offline":
            text = f"driver {driver_id} is {driver.state} with active job {job_id}"
            yield Violation(6, text, drivers=frozenset({driver_id}))
        booking = evidence.after.bookings.get(job_id or "")
        own = booking is not None and booking.driver is not None and booking.driver.id == driver_id
        if booking and (booking.status not in HELD - ENDED or not own):
            text = f"driver {driver_id} is stuck with job {job_id}, which is {booking.status}"
            yield Violation(6, text, frozenset({booking.id}), frozenset({driver_id}))
    busy = Counter(d.active_job_id for d in evidence.after.drivers.values() if d and d.active_job_id)
    for job_id, number in busy.items():
        if number > 1:
            yield Violation(2, f"{number} drivers are busy with job {job_id}", frozenset({str(job_id)}))
