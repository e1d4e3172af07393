"""Events as the others tell them, about one job."""

from datetime import UTC, datetime
from typing import Any

from contracts.events import (
    AssignmentCreated,
    DispatchMode,
    JobCancelled,
    JobStatusChanged,
    OfferCreated,
    SearchFailed,
    SearchTimedOut,
)
from contracts.ids import new_id
from contracts.models import DriverCard, Job, JobStatus

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
CARD = DriverCard(id="dan", name="Dan")


def job(**changes: Any) -> Job:
    fields: dict[str, Any] = {
        "id": new_id(),
        "number": "WG-000001",
        "customer_id": "ann",
        "service_type": "haul",
        "status": JobStatus.pending,
        "version": 1,
        "address": "12 Main St",
        "total_price": "45.50",
        "created_at": AT,
        "updated_at": AT,
    }
    return Job(**(fields | changes))


def _search(ordered: Job) -> dict[str, Any]:
    about = {"job_id": ordered.id, "customer_id": ordered.customer_id, "search_id": new_id(), "attempt": 1}
    return about | {"service_type": ordered.service_type}


def offered(ordered: Job, driver: str = "dan", **changes: Any) -> OfferCreated:
    about = _search(ordered) | {"driver_id": driver, "offer_id": new_id(), "number": 1, "exclusive": False}
    return OfferCreated(**(about | {"job": ordered} | changes))


def assigned(ordered: Job, card: DriverCard = CARD, **changes: Any) -> AssignmentCreated:
    about = _search(ordered) | {"driver_id": card.id, "mode": DispatchMode.broadcast, "driver": card}
    return AssignmentCreated(**(about | changes))


def moved(ordered: Job, status: JobStatus) -> JobStatusChanged:
    now = ordered.model_copy(update={"status": status})
    about: dict[str, Any] = {"job_id": ordered.id, "customer_id": ordered.customer_id, "driver_id": CARD.id}
    return JobStatusChanged(**about, job=now, previous=JobStatus.accepted)


def cancelled(ordered: Job) -> JobCancelled:
    off = ordered.model_copy(update={"status": JobStatus.cancelled})
    about: dict[str, Any] = {"job_id": ordered.id, "customer_id": ordered.customer_id}
    return JobCancelled(**about, job=off, cancelled_by="admin")


def failed(ordered: Job, reason: str = "none_in_area", **changes: Any) -> SearchFailed:
    return SearchFailed(**(_search(ordered) | {"reason": reason, "tried": 0} | changes))


def timed_out(ordered: Job) -> SearchTimedOut:
    return SearchTimedOut(**_search(ordered), tried=3)
