"""Rows as contracts: the job that everybody sees, and the events of its life."""

from booking.store import BookingRow
from contracts.events import JobCancelled, JobCreated, JobRetried, JobStatusChanged
from contracts.models import DriverCard, Job, JobStatus, Place


def job_of(row: BookingRow) -> Job:
    """The whole job, as on every wire."""
    return Job(
        id=row.id,
        number=row.number,
        customer_id=row.customer_id,
        service_type=row.service_type,
        vehicle_type=row.vehicle_type,
        requested_driver_id=row.requested_driver_id,
        status=JobStatus(row.status),
        version=row.version,
        attempt=row.attempt,
        address=row.address,
        pickup=Place.model_validate(row.pickup) if row.pickup else None,
        dropoff=Place.model_validate(row.dropoff) if row.dropoff else None,
        items=row.items,
        notes=row.notes,
        total_price=row.total_price,
        payment_method=row.payment_method,
        cash_to_collect=row.cash_to_collect,
        driver=DriverCard.model_validate(row.driver) if row.driver else None,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def created(row: BookingRow) -> JobCreated:
    return JobCreated(job_id=row.id, customer_id=row.customer_id, job=job_of(row))


def retried(row: BookingRow) -> JobRetried:
    return JobRetried(job_id=row.id, customer_id=row.customer_id, job=job_of(row))


def cancelled(row: BookingRow, by: str, reason: str | None) -> JobCancelled:
    return JobCancelled(
        job_id=row.id,
        customer_id=row.customer_id,
        driver_id=row.driver_id,
        job=job_of(row),
        cancelled_by=by,
        reason=reason,
    )


def status_changed(row: BookingRow, previous: str) -> JobStatusChanged:
    return JobStatusChanged(
        job_id=row.id,
        customer_id=row.customer_id,
        driver_id=row.driver_id,
        job=job_of(row),
        previous=JobStatus(previous),
    )
