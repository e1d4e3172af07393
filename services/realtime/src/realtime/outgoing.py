"""What is said to whom when something has happened: domain event → audience, event name, payload.

Names, keys and texts are REQUIREMENTS A, B and C to the letter. Pure: no sockets, no clock.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from contracts import events as happened
from contracts.events import SearchFailure
from contracts.models import JobStatus
from realtime import words
from realtime.audience import (
    Audience,
    admins,
    as_customer,
    as_driver,
    booking,
    customer,
    driver,
    online_drivers,
)
from realtime.words import Payload


def always(_event: object) -> bool:
    return True


def exclusive(event: happened.OfferEvent) -> bool:
    return event.exclusive


def shared(event: happened.OfferEvent) -> bool:
    return not event.exclusive


def accepted(event: happened.FeedClosed) -> bool:
    return event.status is JobStatus.accepted


def not_accepted(event: happened.FeedClosed) -> bool:
    return event.status is not JobStatus.accepted


def search_started(event: happened.SearchStarted) -> str:
    return "Finding a driver for you..." if event.attempt == 1 else "Searching for drivers again..."


def why_failed(event: happened.SearchFailed) -> str:
    return {
        SearchFailure.max_tries: "Maximum retry attempts reached",
        SearchFailure.none_in_area: "No pilots available in your area",
        SearchFailure.unknown_service_type: "This service is not available",
    }[event.reason]


def failed(event: happened.SearchFailed) -> Payload:
    return {"bookingId": str(event.job_id), "reason": why_failed(event), "triedPilots": event.tried}


def saying(message: str | Callable[[Any], str], **more: object) -> Callable[[Any], Payload]:
    """`{bookingId, message, …}`"""

    def payload(event: happened.DispatchEvent) -> Payload:
        text = message if isinstance(message, str) else message(event)
        return {"bookingId": str(event.job_id), "message": text, **more}

    return payload


NOT_RESPONDED = "Driver did not respond. Finding another driver..."
DECLINED = "Driver declined. Finding another driver..."
NOBODY = "No drivers available at the moment. Would you like to try again?"
CHOICE = {"canRetry": True, "canCancel": True}


@dataclass(frozen=True)
class Line:
    """One emission: to the sockets in any of `to`, each once."""

    to: tuple[Audience, ...]
    name: str
    payload: Callable[[Any], Payload]
    when: Callable[[Any], bool] = always


STATUS = (
    Line((booking,), "job:status", words.job_status),
    Line((booking, customer, driver), "booking:status", words.booking_status),
)

OUTGOING: Mapping[type, tuple[Line, ...]] = {
    happened.JobCreated: (Line((customer,), "booking:created", words.created),),
    happened.JobRetried: STATUS,
    happened.JobStatusChanged: STATUS,
    happened.JobCancelled: STATUS,
    happened.SearchStarted: (Line((customer,), "booking:search_started", saying(search_started)),),
    happened.OfferCreated: (
        Line((driver,), "booking:offer", words.offered_booking, exclusive),
        Line((customer,), "booking:offer_sent", words.sent, exclusive),
        Line((driver,), "job:new", words.offered_job, shared),
    ),
    happened.OfferExpired: (
        Line((driver,), "offer:expired", words.expired),
        Line((customer,), "booking:offer_expired", saying(NOT_RESPONDED), exclusive),
    ),
    happened.OfferDeclined: (Line((customer,), "booking:offer_declined", saying(DECLINED), exclusive),),
    happened.OfferWithdrawn: (Line((driver,), "offer:withdrawn", words.withdrawn),),
    happened.AssignmentCreated: (
        Line((customer,), "booking:driver_assigned", words.assigned_booking),
        Line((booking,), "job:driver-assigned", words.assigned_job),
        Line((admins,), "booking:assigned", words.assigned),
        Line((admins,), "admin:job-status", words.taken),
    ),
    happened.AssignmentReleased: (Line((driver,), "booking:released", words.released),),
    happened.FeedClosed: (
        Line((online_drivers,), "job:accepted", words.feed_closed, accepted),
        Line((online_drivers,), "job:closed", words.feed_closed, not_accepted),
    ),
    happened.SearchFailed: (
        Line((customer,), "booking:no_pilots", saying(why_failed, **CHOICE)),
        Line((admins,), "booking:no_pilots", failed),
    ),
    happened.SearchTimedOut: (
        Line((customer,), "booking:search_timeout", saying(NOBODY, **CHOICE)),
        Line((admins,), "booking:search_timeout", words.timed_out),
    ),
    happened.NotificationCreated: (Line((as_customer, as_driver), "notification", words.notification),),
    happened.JobTracked: (Line((booking,), "location:update", words.location),),
}
