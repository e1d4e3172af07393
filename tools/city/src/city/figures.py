"""The figures of a run: on the screen while it goes on, and as JSON at its end."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from math import ceil
from typing import Any

from city.api import Aftermath
from city.evidence import Violation
from city.ledger import Ledger


def percentile(samples: Collection[float], share: float) -> float | None:
    """The smallest sample that `share` of all samples do not exceed (nearest rank); None without samples."""
    if not samples:
        return None
    return sorted(samples)[max(0, ceil(share * len(samples)) - 1)]


def milliseconds(samples: Collection[float]) -> dict[str, float | int | None]:
    """p50 and p99 of samples in seconds, in milliseconds to a tenth."""
    return {
        name: None if (value := percentile(samples, share)) is None else round(value * 1000, 1)
        for name, share in (("p50", 0.5), ("p99", 0.99))
    } | {"samples": len(samples)}


def report(
    ledger: Ledger, after: Aftermath, found: Sequence[Violation], *, seconds: float, pushes: Mapping[str, int]
) -> dict[str, Any]:
    """What `--json` writes. `pushes` by platform, as far as they were counted. Statuses as the API has them
    at the end."""
    stands = Counter(booking.status for booking in after.bookings.values() if booking)
    held = {
        job_id
        for job_id, dispatch in after.dispatches.items()
        if dispatch and any(o.state == "accepted" for attempt in dispatch.attempts for o in attempt.offers)
    }
    return {
        "jobs": len(after.bookings),
        "assigned": len(held),
        "unfulfilled": stands["unfulfilled"],
        "cancelled": stands["cancelled"],
        "completed": stands["completed"],
        "unfinished": len(after.bookings) - sum(stands[s] for s in ("unfulfilled", "cancelled", "completed")),
        "service_types": _service_types(ledger, held, after),
        "violations": [str(violation) for violation in found],
        "order_to_offer_ms": milliseconds(ledger.order_to_offer),
        "accept_to_told_ms": milliseconds(ledger.accept_to_told),
        "connection_lost_to_back_ms": milliseconds(ledger.away),
        "offers": ledger.count["offers"],
        "pushes": sum(pushes.values()) if pushes else None,
        "pushes_by_platform": dict(pushes),
        "location_updates": ledger.count["location_updates"],
        "seconds": round(seconds, 1),
        "counts": dict(sorted(ledger.count.items())),
        "server_errors": dict(sorted(ledger.server_errors.items())),
    }


def _service_types(ledger: Ledger, held: Collection[str], after: Aftermath) -> dict[str, Any]:
    """The modes side by side: jobs, how many had a driver, how long until the first was asked."""
    seen = [ledger.jobs[job_id] for job_id in after.bookings if job_id in ledger.jobs]
    return {
        name: {
            "jobs": len(jobs),
            "assigned": sum(job.id in held for job in jobs),
            "order_to_offer_ms": milliseconds(
                [job.order_to_offer for job in jobs if job.order_to_offer is not None]
            ),
        }
        for name in sorted({job.service_type for job in seen if job.service_type})
        if (jobs := [job for job in seen if job.service_type == name])
    }
