"""What people are told, in the requirements' words, and for how long it is worth telling.

Pure: times and ids come in. The apps read `data`; its keys are their contract.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from push.localized import Localized

SHARED_OFFER_LIFE = timedelta(minutes=10)
"""How long an offer without a deadline of its own is worth a push; the feed shows it for longer (A14)."""
UPDATE_LIFE = timedelta(hours=1)
"""How long news of a job is worth a push; its record stays."""
ADDRESS_SHOWN = 200
"""Characters of an address that are told. APNs takes 4,096 bytes in all, and an address goes in twice."""


class Kind(StrEnum):
    """The `type` that the apps tell notifications apart by."""

    new_job = "new_job"
    offer = "offer"
    job_update = "job_update"
    test = "test"


URGENT = frozenset({Kind.new_job, Kind.offer})
"""Kinds that lose their worth within seconds: they break through the phone's focus modes."""

STEPS: Mapping[str, tuple[str, str]] = {
    "en_route": ("Driver On The Way", "Your driver is on the way!"),
    "arrived": ("Driver Arrived", "Your driver has arrived!"),
    "in_progress": ("Job In Progress", "Your job is in progress!"),
    "completed": ("Job Completed", "Your job has been completed!"),
}
"""Title and body for each step that the driver takes (C12)."""

NO_DRIVER_FOUND: Mapping[str, str] = {
    "max_tries": "Maximum retry attempts reached",
    "none_in_area": "No pilots available in your area",
    "unknown_service_type": "This service is not available at the moment",
    "timed_out": "No drivers available at the moment. Would you like to try again?",
}
"""Body by why a search ended (B8, B9)."""


@dataclass(frozen=True)
class Notification:
    """One thing told to one person. Until `expires_at` it is pushed, and after it only recorded.

    Of two with the same `collapse_id` a phone shows the later one only. `localized`: what the phone shows in
    place of title and body, if its app has texts for that.
    """

    recipient: str
    title: str
    body: str
    kind: Kind
    data: Mapping[str, str]
    collapse_id: str
    expires_at: datetime
    localized: Localized | None = None

    @property
    def name(self) -> str:
        """What a service type's own words for it go by: the status that it tells, or its kind."""
        return self.data.get("status", self.kind)


@dataclass(frozen=True)
class Offered:
    """A job put before a driver; `expires_at` is the offer's own deadline, if it has one."""

    job_id: UUID
    offer_id: UUID
    address: str | None
    price: Decimal
    expires_at: datetime | None


def new_job(driver: str, offered: Offered, now: datetime) -> Notification:
    """A job that goes to whoever accepts first (A2)."""
    address = shown(offered.address)
    return Notification(
        recipient=driver,
        title="New Job Nearby",
        body=_where_and_price(address, offered.price),
        kind=Kind.new_job,
        data={"job_id": str(offered.job_id), "type": Kind.new_job, "address": address},
        collapse_id=str(offered.offer_id),
        expires_at=offered.expires_at or now + SHARED_OFFER_LIFE,
    )


def exclusive_offer(driver: str, offered: Offered, now: datetime) -> Notification:
    """A job that this driver alone is offered until `expires_at` (B2, B4)."""
    until = offered.expires_at or now + SHARED_OFFER_LIFE
    return Notification(
        recipient=driver,
        title="New Delivery Offer",
        body=_where_and_price(shown(offered.address), offered.price),
        kind=Kind.offer,
        data={
            "job_id": str(offered.job_id),
            "type": Kind.offer,
            "offer_id": str(offered.offer_id),
            "expires_at": until.isoformat(),
        },
        collapse_id=str(offered.offer_id),
        expires_at=until,
    )


def driver_assigned(customer: str, job_id: UUID, now: datetime) -> Notification:
    """Somebody has the job (A6)."""
    body = "A driver has been assigned to your job!"
    return _update(customer, job_id, "accepted", ("Driver Assigned", body), now)


def step_taken(customer: str, job_id: UUID, status: str, now: datetime) -> Notification | None:
    """The driver moved the job on (C12); None for what is no step of a driver's."""
    return _update(customer, job_id, status, STEPS[status], now) if status in STEPS else None


def cancelled(recipient: str, job_id: UUID, now: datetime) -> Notification:
    """The job is off (B11), told to whom somebody else cancelled it."""
    return _update(recipient, job_id, "cancelled", ("Job Cancelled", "This job has been cancelled"), now)


def no_driver_found(customer: str, job_id: UUID, why: str, now: datetime) -> Notification:
    """The search ended without a driver (B8, B9); `why` is a key of `NO_DRIVER_FOUND`."""
    return _update(customer, job_id, "unfulfilled", ("No Driver Found", NO_DRIVER_FOUND[why]), now)


def test_push(recipient: str, notification_id: UUID, now: datetime) -> Notification:
    """Shows a developer that pushes arrive (A10)."""
    return Notification(
        recipient=recipient,
        title="Test Push",
        body="Pushes reach this device",
        kind=Kind.test,
        data={"type": Kind.test},
        collapse_id=str(notification_id),
        expires_at=now + SHARED_OFFER_LIFE,
    )


def _update(recipient: str, job_id: UUID, status: str, words: tuple[str, str], now: datetime) -> Notification:
    title, body = words
    return Notification(
        recipient=recipient,
        title=title,
        body=body,
        kind=Kind.job_update,
        data={"job_id": str(job_id), "type": Kind.job_update, "status": status},
        collapse_id=str(job_id),
        expires_at=now + UPDATE_LIFE,
    )


def shown(address: str | None) -> str:
    """As much of an address as is told; nothing of none."""
    if address is None or len(address) <= ADDRESS_SHOWN:
        return address or ""
    return f"{address[: ADDRESS_SHOWN - 1]}…"


def _where_and_price(address: str, price: Decimal) -> str:
    """A job need not have an address (A3)."""
    return f"{address} - ${whole(price)}" if address else f"${whole(price)}"


def whole(price: Decimal) -> str:
    """As prices are told (A2)."""
    return f"{price:.0f}"
