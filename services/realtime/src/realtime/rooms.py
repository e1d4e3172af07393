"""Rooms: their names, and the subjects that a room's events come by (DESIGN §2)."""

from dataclasses import dataclass
from uuid import UUID

from contracts.events import AssignmentCreated, FeedClosed, SearchFailed, SearchTimedOut
from contracts.models import Identity, Role
from contracts.requests import FindDriver
from contracts.subjects import (
    all_of,
    live,
    live_track,
    notifications_of,
    of_customer,
    of_driver,
    of_job,
    status_of_driver,
)


@dataclass(frozen=True)
class Room:
    """What is listened to while at least one local socket is inside.

    `stored`: filters on the stream of all that apps are told; they come as soon as they are stored, in its
    order, and can be read again. `passing`: subjects of core NATS; whoever is not here misses them.
    """

    name: str
    stored: tuple[str, ...] = ()
    passing: tuple[str, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """All of them, as they are subscribed to."""
        return (*map(live, self.stored), *self.passing)


def customer_name(customer_id: str) -> str:
    """Of the room alone, for who only looks whether somebody is in it."""
    return f"user:{customer_id}"


def driver_name(driver_id: str) -> str:
    """Likewise."""
    return f"pilot:{driver_id}"


def booking_name(job_id: UUID) -> str:
    """Likewise."""
    return f"booking:{job_id}"


def customer(customer_id: str) -> Room:
    """All sockets of a customer."""
    return Room(customer_name(customer_id), (of_customer(customer_id), notifications_of(customer_id)))


def driver(driver_id: str) -> Room:
    """All sockets of a driver, and the question whether it is here."""
    asked = FindDriver(driver_id=driver_id).subject()
    return Room(
        driver_name(driver_id),
        (of_driver(driver_id), notifications_of(driver_id)),
        (status_of_driver(driver_id), asked),
    )


def booking(job_id: UUID) -> Room:
    """Those who follow one job (C6)."""
    return Room(booking_name(job_id), (of_job(job_id),), (live_track(job_id),))


def booking_named(job_id: str) -> Room:
    """The same, by the id as text."""
    return booking(UUID(job_id))


ONLINE_DRIVERS = Room("pilots:online", (all_of(FeedClosed),))
"""Every driver that is online (A7)."""

ASSIGNMENTS = Room(
    "admin:assignments", (all_of(AssignmentCreated), all_of(SearchFailed), all_of(SearchTimedOut))
)
"""Admins that asked for the assignment events (C9)."""

DASHBOARD = Room("admin:dashboard")
"""Admins that watch the figures (C9); those come from `dashboard_feed`, not by subscriptions."""


def personal(identity: Identity) -> Room:
    """The room that every socket of this person joins (C1)."""
    match identity.role:
        case Role.user:
            return customer(identity.subject)
        case Role.pilot:
            return driver(identity.subject)
        case Role.admin:
            return Room(f"admin:{identity.subject}")
