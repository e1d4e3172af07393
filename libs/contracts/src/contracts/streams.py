"""Every stream and durable consumer, declared once. `waggle-streams` (libs/wire) creates them."""

from dataclasses import dataclass
from datetime import timedelta

from contracts.subjects import ALL_LOCATIONS


@dataclass(frozen=True)
class Stream:
    """A JetStream stream. Limits retention throughout: nothing is lost because somebody read it.

    `unsynced`: acknowledged before it is on disk, at the price of memory; for what is worthless in a minute.
    It is still there after a restart of the server, which a stream `in_memory` is not, not even empty.
    """

    name: str
    subjects: tuple[str, ...]
    max_age: timedelta
    max_bytes: int
    in_memory: bool = False
    unsynced: bool = False
    latest_only: bool = False
    kept_each: int = -1
    """How many are kept of each subject; -1: all."""
    schedules: bool = False
    republished: bool = False
    """Each message goes out once more when it is stored, under `live.`, with its sequence in its headers."""


@dataclass(frozen=True)
class Consumer:
    """A durable pull consumer: one a service and purpose, shared by the service's replicas."""

    stream: str
    durable: str
    filters: tuple[str, ...]
    ack_wait: timedelta = timedelta(seconds=5)
    max_ack_pending: int = 1000


MIB = 1024 * 1024

LOCATIONS = Stream(
    "LOCATIONS", (ALL_LOCATIONS,), timedelta(minutes=2), 256 * MIB, unsynced=True, latest_only=True
)
DISPATCH = Stream(
    "DISPATCH",
    ("job.>", "search.>", "offer.>", "assignment.>", "feed.>", "notification.>"),
    timedelta(days=7),
    4096 * MIB,
    republished=True,
)
"""All that apps are told of, in one stream, so that one number says how far an app has come (ADR 9)."""

IDENTITY = Stream("IDENTITY", ("identity.>",), timedelta(days=1), 64 * MIB, republished=True)
"""Whose tokens are void before they expire. Kept for as long as tokens may live."""

SESSIONS = Stream("SESSIONS", ("session.>",), timedelta(days=1), 256 * MIB, unsynced=True, latest_only=True)
"""What clients asked to follow. A day after the last change they ask again."""

SERVICE_TYPES = Stream("SERVICE_TYPES", ("service_type.>",), timedelta(days=3650), 64 * MIB, kept_each=16)
"""The last settings of each service type, for whoever comes later. Not only the latest: when two changes come
out of order the older one is the last, and the newer one must still be there."""

RETIRED = ("NOTIFY",)
"""Streams of former versions whose subjects others have now."""

STREAMS = (
    DISPATCH,
    Stream("DRIVERS", ("driver.status.>", "driver.disconnected.>"), timedelta(days=7), 256 * MIB),
    LOCATIONS,
    Stream("TRACKING", ("tracking.recorded.>",), timedelta(days=1), 1024 * MIB),
    Stream("TIMERS", ("timer.>", "due.>"), timedelta(days=2), 512 * MIB, schedules=True),
    IDENTITY,
    SESSIONS,
    SERVICE_TYPES,
    Stream("DEAD", ("dead.>",), timedelta(days=30), 256 * MIB),
)

BOOKING_DISPATCH = Consumer("DISPATCH", "booking", ("assignment.>", "search.failed.>", "search.timed_out.>"))
BOOKING_TRACKING = Consumer(
    "TRACKING", "booking-tracking", ("tracking.recorded.>",), timedelta(seconds=30), max_ack_pending=5000
)
"""In batches: a message may wait for others, and for the batch before its own."""
MATCHING_DISPATCH = Consumer("DISPATCH", "matching", ("job.>", "assignment.created.>"))
MATCHING_TIMERS = Consumer("TIMERS", "matching-timers", ("due.offer.>", "due.search.>"))
MATCHING_DRIVERS = Consumer("DRIVERS", "matching-drivers", ("driver.disconnected.>",))
MATCHING_GRACES = Consumer("TIMERS", "matching-graces", ("due.grace.>",))
"""Apart from the other deadlines: its handler asks the edges, and may wait for one that does not answer."""
PUSH_DISPATCH = Consumer(
    "DISPATCH",
    "push",
    (
        "offer.created.>",
        "offer.withdrawn.>",
        "offer.declined.>",
        "offer.expired.>",
        "feed.closed.>",
        "assignment.created.>",
        "job.status_changed.>",
        "job.cancelled.>",
        "search.failed.>",
        "search.timed_out.>",
    ),
)
PUSH_SERVICE_TYPES = Consumer("SERVICE_TYPES", "push-service-types", ("service_type.changed.>",))
PUSH_ACTIVITIES = Consumer(
    "DISPATCH", "push-activities", ("job.retried.>", "job.status_changed.>", "job.cancelled.>")
)
"""Apart from the notifications: neither waits for the other."""

CONSUMERS = (
    BOOKING_DISPATCH,
    BOOKING_TRACKING,
    MATCHING_DISPATCH,
    MATCHING_TIMERS,
    MATCHING_DRIVERS,
    MATCHING_GRACES,
    PUSH_DISPATCH,
    PUSH_ACTIVITIES,
    PUSH_SERVICE_TYPES,
)
