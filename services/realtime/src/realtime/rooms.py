"""Rooms: their names, and the subjects that a room's events come by (DESIGN §2)."""

from dataclasses import dataclass
from uuid import UUID

from contracts.events import AssignmentCreated, FeedClosed, SearchFailed, SearchTimedOut
from contracts.models import Identity, Role
from contracts.subjects import (
    all_of,
    live_track,
    notifications_of,
    of_customer,
    of_driver,
    of_job,
    status_of_driver,
)


@dataclass(frozen=True)
class Room:
    """`subjects` are listened to while at least one local socket is inside."""

    name: str
    subjects: tuple[str, ...] = ()


def customer(customer_id: str) -> Room:
    """All sockets of a customer."""
    return Room(f"user:{customer_id}", (of_customer(customer_id), notifications_of(customer_id)))


def driver(driver_id: str) -> Room:
    """All sockets of a driver. Its events' subscription also brings the question whether it is here."""
    subjects = (of_driver(driver_id), notifications_of(driver_id), status_of_driver(driver_id))
    return Room(f"pilot:{driver_id}", subjects)


def booking(job_id: UUID) -> Room:
    """Those who follow one job (C6)."""
    return Room(f"booking:{job_id}", (of_job(job_id), live_track(job_id)))


ONLINE_DRIVERS = Room("pilots:online", (all_of(FeedClosed),))
"""Every driver that is online (A7)."""

ASSIGNMENTS = Room(
    "admin:assignments", (all_of(AssignmentCreated), all_of(SearchFailed), all_of(SearchTimedOut))
)
"""Admins that asked for the assignment events (C9)."""


def personal(identity: Identity) -> Room:
    """The room that every socket of this person joins (C1)."""
    match identity.role:
        case Role.user:
            return customer(identity.subject)
        case Role.pilot:
            return driver(identity.subject)
        case Role.admin:
            return Room(f"admin:{identity.subject}")
