"""Which event is worth telling whom (A2, A4, A6, B8, B9, B11, C12). Pure: event in, notifications out."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from contracts.events import (
    AssignmentCreated,
    Event,
    JobCancelled,
    JobStatusChanged,
    OfferCreated,
    SearchFailed,
    SearchTimedOut,
)
from contracts.models import Role
from push import domain
from push.domain import Notification, Offered

Rule = Callable[[Any, datetime], list[Notification]]


def notifications(event: Event, at: datetime) -> list[Notification]:
    """What `event`, which happened `at`, is told as; nothing for events that nobody needs a phone for."""
    rule = RULES.get(type(event))
    return rule(event, at) if rule else []


def _offer_created(event: OfferCreated, at: datetime) -> list[Notification]:
    if event.driver_id is None:
        return []
    job, pickup = event.job, event.job.pickup.address if event.job.pickup else None
    address = pickup or job.address if event.exclusive else job.address or pickup
    offered = Offered(event.job_id, event.offer_id, address, job.total_price, event.expires_at)
    words = domain.exclusive_offer if event.exclusive else domain.new_job
    return [words(event.driver_id, offered, at)]


def _assignment_created(event: AssignmentCreated, at: datetime) -> list[Notification]:
    return [domain.driver_assigned(event.customer_id, event.job_id, at)]


def _status_changed(event: JobStatusChanged, at: datetime) -> list[Notification]:
    """`accepted` is told by the assignment, `unfulfilled` by the search, `cancelled` by its own event."""
    told = domain.step_taken(event.customer_id, event.job_id, event.job.status, at)
    return [told] if told else []


def _cancelled(event: JobCancelled, at: datetime) -> list[Notification]:
    """The driver who had it; and the customer, when it was not the customer who cancelled."""
    recipients = [event.driver_id] if event.driver_id else []
    if event.cancelled_by != Role.user:
        recipients.append(event.customer_id)
    return [domain.cancelled(recipient, event.job_id, at) for recipient in recipients]


def _search_failed(event: SearchFailed, at: datetime) -> list[Notification]:
    return [domain.no_driver_found(event.customer_id, event.job_id, event.reason, at)]


def _search_timed_out(event: SearchTimedOut, at: datetime) -> list[Notification]:
    return [domain.no_driver_found(event.customer_id, event.job_id, "timed_out", at)]


RULES: Mapping[type[Event], Rule] = {
    OfferCreated: _offer_created,
    AssignmentCreated: _assignment_created,
    JobStatusChanged: _status_changed,
    JobCancelled: _cancelled,
    SearchFailed: _search_failed,
    SearchTimedOut: _search_timed_out,
}
