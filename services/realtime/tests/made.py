"""Events as the other services publish them, with made-up but complete contents."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from contracts import events as happened
from contracts.ids import new_id
from contracts.models import DriverCard, Job, JobStatus, Place

AT = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
AT_TEXT = "2026-11-20T12:00:00.250Z"
LATER = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
LATER_TEXT = "2026-11-20T12:00:30.000Z"

PICKUP = Place(address="1 Main St", lat=40.75, lng=-73.99)
DROPOFF = Place(address="9 Dock Rd", lat=40.70, lng=-74.01)


def job(customer: str = "ann", **changes: Any) -> Job:
    return Job.model_validate(
        {
            "id": new_id(),
            "number": "W-1001",
            "customer_id": customer,
            "service_type": "courier",
            "vehicle_type": "van",
            "status": JobStatus.pending,
            "version": 1,
            "address": None,
            "pickup": PICKUP,
            "dropoff": DROPOFF,
            "items": {"boxes": 3},
            "notes": "ring twice",
            "total_price": Decimal("42.50"),
            "payment_method": "cash",
            "cash_to_collect": Decimal("42.50"),
            "created_at": AT,
            "updated_at": AT,
            **changes,
        }
    )


def card(driver: str = "dan") -> DriverCard:
    return DriverCard(
        id=driver,
        name="Dan",
        phone="+1555",
        avatar="https://a/dan.png",
        vehicle_type="van",
        truck_type="box truck",
        rating=4.9,
        total_jobs=12,
    )


def _about(job: Job) -> dict[str, Any]:
    return {"job_id": job.id, "customer_id": job.customer_id}


def _search(job: Job) -> dict[str, Any]:
    return {**_about(job), "search_id": new_id(), "attempt": job.attempt}


def created(job: Job) -> happened.JobCreated:
    return happened.JobCreated(**_about(job), job=job)


def status(job: Job, driver: str | None = "dan", previous: str = "accepted") -> happened.JobStatusChanged:
    return happened.JobStatusChanged(**_about(job), driver_id=driver, job=job, previous=JobStatus(previous))


def retried(job: Job) -> happened.JobRetried:
    return happened.JobRetried(**_about(job), job=job)


def cancelled(job: Job, driver: str | None = None) -> happened.JobCancelled:
    changed = job.model_copy(update={"status": JobStatus.cancelled, "version": job.version + 1})
    return happened.JobCancelled(**_about(job), driver_id=driver, job=changed, cancelled_by="user")


def started(job: Job, attempt: int = 1) -> happened.SearchStarted:
    return happened.SearchStarted(**{**_search(job), "attempt": attempt}, mode=happened.DispatchMode.cascade)


def offer(job: Job, driver: str = "dan", *, exclusive: bool = True, number: int = 1) -> happened.OfferCreated:
    return happened.OfferCreated(
        **_search(job),
        driver_id=driver,
        offer_id=new_id(),
        number=number,
        exclusive=exclusive,
        job=job,
        expires_at=LATER if exclusive else None,
    )


def offer_end(
    kind: type[happened.OfferEvent], job: Job, driver: str = "dan", *, exclusive: bool = True, **more: Any
) -> happened.OfferEvent:
    return kind(**_search(job), driver_id=driver, offer_id=new_id(), number=1, exclusive=exclusive, **more)


def assigned(job: Job, driver: str = "dan") -> happened.AssignmentCreated:
    return happened.AssignmentCreated(
        **_search(job), driver_id=driver, mode=happened.DispatchMode.cascade, driver=card(driver)
    )


def released(job: Job, driver: str = "dan", reason: str = "job_cancelled") -> happened.AssignmentReleased:
    return happened.AssignmentReleased(**_search(job), driver_id=driver, reason=reason)


def feed_closed(
    job: Job, driver: str | None = "dan", status: JobStatus = JobStatus.accepted
) -> happened.FeedClosed:
    return happened.FeedClosed(**_search(job), driver_id=driver, status=status)


def failed(job: Job, reason: happened.SearchFailure, tried: int = 10) -> happened.SearchFailed:
    return happened.SearchFailed(**_search(job), reason=reason, tried=tried)


def timed_out(job: Job, tried: int = 4) -> happened.SearchTimedOut:
    return happened.SearchTimedOut(**_search(job), tried=tried)


def notification(user: str, title: str = "Hello") -> happened.NotificationCreated:
    return happened.NotificationCreated(
        notification_id=new_id(),
        user_id=user,
        title=title,
        body="World",
        kind="job_update",
        data={"job_id": "j"},
        created_at=AT,
    )


def tracked(job_id: UUID, driver: str = "dan") -> happened.JobTracked:
    return happened.JobTracked(
        job_id=job_id, driver_id=driver, lat=40.7, lng=-74.0, heading=90.0, speed=8.5, recorded_at=AT
    )
