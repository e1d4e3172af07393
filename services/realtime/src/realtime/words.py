"""Payloads in the apps' words: camelCase for the courier apps, snake_case for the hauling apps."""

from datetime import UTC, datetime
from typing import Any

from contracts.events import (
    AssignmentCreated,
    AssignmentReleased,
    FeedClosed,
    JobCreated,
    JobEvent,
    JobTracked,
    NotificationCreated,
    OfferCreated,
    OfferExpired,
    OfferWithdrawn,
    SearchTimedOut,
)
from contracts.models import DriverCard, Job, JobStatus, PendingOffer

Payload = dict[str, Any]


def iso(moment: datetime) -> str:
    """RFC 3339, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def pilot(card: DriverCard) -> Payload:
    """The driver, as the courier apps show it (B7)."""
    return {
        "id": card.id,
        "name": card.name,
        "phone": card.phone,
        "avatar": card.avatar,
        "rating": card.rating,
    }


def booking_details(job: Job) -> Payload:
    """The job, as the courier apps have it (B15)."""
    found = job.model_dump(mode="json")
    return {
        "bookingId": found["id"],
        "bookingNumber": job.number,
        "status": job.status,
        "serviceType": job.service_type,
        "vehicleType": job.vehicle_type,
        "pickup": found["pickup"],
        "dropoff": found["dropoff"],
        "items": found["items"],
        "notes": job.notes,
        "totalPrice": found["total_price"],
        "paymentMethod": job.payment_method,
        "cashToCollect": found["cash_to_collect"],
        "pilot": pilot(job.driver) if job.driver else None,
        "createdAt": iso(job.created_at),
        "updatedAt": iso(job.updated_at),
    }


Offered = OfferCreated | PendingOffer
"""An offer as it is made, and as it still stands later; to the driver they are the same."""


def offered_booking(offer: Offered) -> Payload:
    """B2"""
    return booking_details(offer.job) | {
        "offerId": str(offer.offer_id),
        "expiresAt": iso(offer.expires_at) if offer.expires_at else None,
    }


NOT_IN_A_FEED = {"driver", "version", "attempt", "requested_driver_id"}
"""What a driver who is one of many has no use for, nor any right to: whom the customer wished for."""


def offered_job(offer: Offered) -> Payload:
    """A1: the job itself, with the position of its pickup, if it has one (A3)."""
    job = offer.job
    return job.model_dump(mode="json", exclude=NOT_IN_A_FEED) | {
        "address": job.address or (job.pickup.address if job.pickup else None),
        "lat": job.pickup.lat if job.pickup else None,
        "lng": job.pickup.lng if job.pickup else None,
        "created_at": iso(job.created_at),
        "updated_at": iso(job.updated_at),
        "expires_at": iso(offer.expires_at) if offer.expires_at else None,
    }


def pending_offer(offer: PendingOffer) -> Payload:
    """C7: as it was told when it was made, as `booking:offer` or `job:new`."""
    return offered_booking(offer) if offer.exclusive else offered_job(offer)


def withdrawn(event: OfferWithdrawn) -> Payload:
    """B11, for the driver that held the offer."""
    return {"bookingId": str(event.job_id), "reason": event.reason}


def released(event: AssignmentReleased) -> Payload:
    """B11, for the driver that had the job."""
    return {"bookingId": str(event.job_id), "reason": event.reason}


def assigned_booking(event: AssignmentCreated) -> Payload:
    """B7"""
    return {
        "bookingId": str(event.job_id),
        "pilot": pilot(event.driver),
        "message": f"{event.driver.name} has accepted your booking!",
    }


def assigned_job(event: AssignmentCreated) -> Payload:
    """A6"""
    driver = event.driver
    return {
        "job_id": str(event.job_id),
        "driver": {
            "id": driver.id,
            "name": driver.name,
            "truck_type": driver.truck_type,
            "avg_rating": driver.rating,
            "total_jobs": driver.total_jobs,
        },
    }


def feed_closed(event: FeedClosed) -> Payload:
    """A7"""
    return {"job_id": str(event.job_id), "status": event.status, "driver_id": event.driver_id}


def job_status(event: JobEvent) -> Payload:
    """A8"""
    job = event.job
    return {
        "job_id": str(job.id),
        "status": job.status,
        "driver_id": event.driver_id,
        "updated_at": iso(job.updated_at),
    }


def booking_status(event: JobEvent) -> Payload:
    """C8"""
    job = event.job
    return {"bookingId": str(job.id), "status": job.status, "timestamp": iso(job.updated_at)}


def notification(event: NotificationCreated) -> Payload:
    """C10"""
    return {
        "id": str(event.notification_id),
        "title": event.title,
        "body": event.body,
        "type": event.kind,
        "data": event.data,
        "createdAt": iso(event.created_at),
    }


def location(track: JobTracked) -> Payload:
    """C3; and of which booking, for whoever follows more than one."""
    return {
        "bookingId": str(track.job_id),
        "lat": track.lat,
        "lng": track.lng,
        "heading": track.heading,
        "speed": track.speed,
        "timestamp": iso(track.recorded_at),
    }


def created(event: JobCreated) -> Payload:
    """B1"""
    details = booking_details(event.job)
    kept = {key: details[key] for key in ("bookingId", "bookingNumber", "status")}
    return {**kept, "message": "Booking created! Finding a driver..."}


def sent(event: OfferCreated) -> Payload:
    """B3"""
    message = f"Offer sent to driver {event.number}..."
    return {"bookingId": str(event.job_id), "pilotNumber": event.number, "message": message}


def expired(event: OfferExpired) -> Payload:
    """B4, for the driver."""
    return {"bookingId": str(event.job_id)}


def assigned(event: AssignmentCreated) -> Payload:
    """B7, for admins."""
    return {"bookingId": str(event.job_id), "pilotId": event.driver.id, "pilotName": event.driver.name}


def taken(event: AssignmentCreated) -> Payload:
    """A7, for admins."""
    return {"job_id": str(event.job_id), "status": JobStatus.accepted, "driver_id": event.driver.id}


def timed_out(event: SearchTimedOut) -> Payload:
    """B9, for admins."""
    return {"bookingId": str(event.job_id), "triedPilots": event.tried}
