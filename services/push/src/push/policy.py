"""Which event is worth telling whom, and in whose words (A2, A4, A6, B8, B9, B11, C12).

Pure: event and wording in, notifications out.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from contracts.events import (
    AssignmentCreated,
    Event,
    JobCancelled,
    JobEvent,
    JobStatusChanged,
    OfferCreated,
    SearchEvent,
    SearchFailed,
    SearchTimedOut,
)
from contracts.models import Job, Role
from push import domain
from push.domain import Notification, Offered
from push.wording import Wording, reworded

Rule = Callable[[Any, datetime], list[Notification]]

AS_REQUIRED: Wording = MappingProxyType({})
"""A service type without words of its own."""
NAME_SHOWN = 100
"""Characters of a driver's name that are told."""


def notifications(event: Event, at: datetime, wording: Wording = AS_REQUIRED) -> list[Notification]:
    """What `event`, which happened `at`, is told as; nothing for events that nobody needs a phone for.

    `wording`: that of the job's service type. What it does not say is said as the requirements have it.
    """
    rule = RULES.get(type(event))
    return [reworded(told, wording, values_of(event, told)) for told in rule(event, at)] if rule else []


def service_type_of(event: Event) -> str | None:
    """Which service type's words the event is told in; None for events of senders that did not say."""
    match event:
        case OfferCreated() | JobEvent():
            return event.job.service_type
        case SearchEvent():
            return event.service_type
    return None


def values_of(event: Event, told: Notification) -> dict[str, str]:
    """What can be filled in, by placeholder (`contracts.wording.PLACEHOLDERS`), as far as it is known."""
    known: dict[str, str | None] = {"service_type": service_type_of(event)}
    match event:
        case OfferCreated():
            known |= _of_job(event.job) | {"address": _offered_address(event)}
        case JobEvent():
            card = event.job.driver
            known |= _of_job(event.job) | {"driver_name": card.name[:NAME_SHOWN] if card else None}
        case AssignmentCreated():
            known |= {"driver_name": event.driver.name[:NAME_SHOWN]}
        case SearchFailed() | SearchTimedOut():
            known |= {"reason": told.body}
    return {name: value for name, value in known.items() if value}


def _of_job(job: Job) -> dict[str, str | None]:
    address = job.address or (job.pickup.address if job.pickup else None)
    return {"address": domain.shown(address), "price": domain.whole(job.total_price), "number": job.number}


def _offered_address(event: OfferCreated) -> str:
    job, pickup = event.job, event.job.pickup.address if event.job.pickup else None
    return domain.shown(pickup or job.address if event.exclusive else job.address or pickup)


def _offer_created(event: OfferCreated, at: datetime) -> list[Notification]:
    if event.driver_id is None:
        return []
    offered = Offered(
        event.job_id, event.offer_id, _offered_address(event), event.job.total_price, event.expires_at
    )
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
