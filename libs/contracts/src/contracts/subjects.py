"""Subjects that are listened to, and what an address says. The ones published to are the events' own."""

from typing import NamedTuple
from uuid import UUID

from contracts.events import EVENTS, DispatchEvent, Event
from contracts.ids import NOBODY, from_token, to_token

_TOKENS = 5
_DISPATCH_TYPES = {event.type for event in EVENTS if issubclass(event, DispatchEvent)}


class Address(NamedTuple):
    """Whom a dispatch event concerns, read off its subject."""

    type: str
    job_id: UUID
    customer_id: str
    driver_id: str | None


def parse_dispatch(subject: str) -> Address | None:
    """The address of a dispatch event; None for any other subject (a filter of five stars may see some)."""
    tokens = subject.split(".")
    if len(tokens) != _TOKENS or ".".join(tokens[:2]) not in _DISPATCH_TYPES:
        return None
    try:
        job_id, driver = UUID(tokens[2]), tokens[4]
        return Address(
            ".".join(tokens[:2]),
            job_id,
            from_token(tokens[3]),
            None if driver == NOBODY else from_token(driver),
        )
    except ValueError:
        return None


def all_of(event: type[Event]) -> str:
    """Every event of this type."""
    return f"{event.type}.>"


def of_customer(customer_id: str) -> str:
    """Every dispatch event that concerns this customer."""
    return f"*.*.*.{to_token(customer_id)}.*"


def of_driver(driver_id: str) -> str:
    """Every dispatch event that concerns this driver."""
    return f"*.*.*.*.{to_token(driver_id)}"


def of_job(job_id: UUID) -> str:
    """Every dispatch event of this job."""
    return f"*.*.{job_id}.*.*"


LIVE = "live."
"""Before the subject of what a republished stream has stored."""


def live(subject: str) -> str:
    """What is stored under this subject, as soon as it is: in the order of the stream, with its sequence."""
    return LIVE + subject


def status_of_driver(driver_id: str) -> str:
    """The changes of one driver's availability."""
    return f"driver.status.{to_token(driver_id)}"


def notifications_of(user_id: str) -> str:
    """The notifications of one user or driver."""
    return f"notification.created.{to_token(user_id)}"


def live_track(job_id: UUID) -> str:
    """The positions of a job's driver, as they come (core NATS)."""
    return f"tracking.live.{job_id}"


def recorded_track(job_id: UUID) -> str:
    """The positions of a job's driver that are kept (TRACKING)."""
    return f"tracking.recorded.{job_id}"


def session_rooms(pid: str) -> str:
    """What the client with this session id asked to follow (SESSIONS)."""
    return f"session.rooms.{to_token(pid)}"


ALL_LOCATIONS = "driver.location.>"


def locations_in(cell: str) -> str:
    """The positions of all drivers in one region."""
    return f"driver.location.{cell}.*"


def locations_of(driver_id: str) -> str:
    """The positions of one driver, wherever it is."""
    return f"driver.location.*.{to_token(driver_id)}"


def timer(kind: str, subject_id: UUID) -> str:
    """Where a deadline's schedule waits; one schedule a subject, so a new one replaces it (TIMERS)."""
    return f"timer.{kind}.{subject_id}"


def due(kind: str, subject_id: UUID) -> str:
    """Where the deadline is announced once it has come (TIMERS)."""
    return f"due.{kind}.{subject_id}"


def dead_letter(durable: str) -> str:
    """Where messages go that this consumer could never apply (DEAD)."""
    return f"dead.{durable}"
