"""Every event of a dispatch. The class attribute `type` is also the head of its subject."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime

from contracts.event import Event as Event  # noqa: PLC0414  # everybody has it from here
from contracts.ids import NOBODY, to_token
from contracts.models import DriverCard, Job, JobStatus, Latitude, Longitude, Model, Role
from contracts.service_types import ServiceTypeChanged


class DispatchEvent(Event):
    """A fact about one job: `<noun>.<verb>.<job>.<customer>.<driver|_>` (DISPATCH)."""

    job_id: UUID
    customer_id: str
    driver_id: str | None = None

    def subject(self) -> str:
        """Addressed to the job, its customer and, where there is one, the driver concerned."""
        driver = to_token(self.driver_id) if self.driver_id else NOBODY
        return f"{self.type}.{self.job_id}.{to_token(self.customer_id)}.{driver}"


class JobEvent(DispatchEvent):
    """By booking. `job` is the whole job after the change."""

    source = "/waggle/booking"
    job: Job


class JobCreated(JobEvent):
    """A customer ordered a job (B1)."""

    type = "job.created"


class JobRetried(JobEvent):
    """The customer asked for a fresh search; `job.attempt` counts them (B10)."""

    type = "job.retried"


class JobCancelled(JobEvent):
    """The job is off; `driver_id` is who had it, if anybody (B11)."""

    type = "job.cancelled"
    cancelled_by: str
    reason: str | None = None


class JobStatusChanged(JobEvent):
    """The job went from `previous` to `job.status` (A8, C8, C12)."""

    type = "job.status_changed"
    previous: JobStatus


class DispatchMode(StrEnum):
    """How a search puts its offers: its only policy, or a ladder of several."""

    broadcast = "broadcast"
    cascade = "cascade"
    direct = "direct"
    group = "group"
    ladder = "ladder"


class SearchEvent(DispatchEvent):
    """By matching, about one attempt to find a driver. `service_type` is the job's; None in old events."""

    source = "/waggle/matching"
    search_id: UUID
    attempt: int
    service_type: str | None = None


class SearchStarted(SearchEvent):
    """Drivers are being looked for until `deadline` (B1, B10)."""

    type = "search.started"
    mode: DispatchMode
    deadline: AwareDatetime | None = None


class SearchFailure(StrEnum):
    """Why a search gave up before its time (B8)."""

    max_tries = "max_tries"
    none_in_area = "none_in_area"
    unknown_service_type = "unknown_service_type"


class SearchFailed(SearchEvent):
    """Nobody is left to ask (B8). `tried` drivers had an offer."""

    type = "search.failed"
    reason: SearchFailure
    tried: int


class SearchTimedOut(SearchEvent):
    """The search's life ended without an acceptance (B9)."""

    type = "search.timed_out"
    tried: int


class OfferEvent(SearchEvent):
    """About one offer; `number` counts the drivers tried in this search, from 1."""

    offer_id: UUID
    number: int
    exclusive: bool


class OfferCreated(OfferEvent):
    """The job was put before `driver_id` (A1, B2). `exclusive`: before nobody else meanwhile."""

    type = "offer.created"
    job: Job
    expires_at: AwareDatetime | None = None


class OfferDeclined(OfferEvent):
    """The driver said no (B5)."""

    type = "offer.declined"


class OfferExpired(OfferEvent):
    """The driver did not answer in time (B4)."""

    type = "offer.expired"


class OfferWithdrawn(OfferEvent):
    """The offer no longer stands: another won, the job was cancelled, the search ended (B9, B11)."""

    type = "offer.withdrawn"
    reason: str


class AssignmentCreated(SearchEvent):
    """`driver_id` has the job (A5-A7, B7)."""

    type = "assignment.created"
    mode: DispatchMode
    driver: DriverCard


class AssignmentReleased(SearchEvent):
    """The driver no longer has the job and is free again (B11)."""

    type = "assignment.released"
    reason: str


class FeedClosed(SearchEvent):
    """A job that was broadcast left the feed of all drivers (A7); `driver_id` won it, if anybody."""

    type = "feed.closed"
    status: JobStatus


class DriverState(StrEnum):
    """Whether a driver can be offered jobs."""

    offline = "offline"
    available = "available"
    busy = "busy"


class DriverStatusChanged(Event):
    """A driver's availability or standing changed: `driver.status.<driver>` (DRIVERS)."""

    type = "driver.status"
    source = "/waggle/matching"
    driver_id: str
    state: DriverState
    approved: bool
    is_operator: bool = False
    vehicle_type: str | None = None
    version: int
    reason: str | None = None
    """Of going offline: `asked`, `disconnected` (C5), `silent` (C4)."""

    def subject(self) -> str:
        return f"{self.type}.{to_token(self.driver_id)}"


class DriverDisconnected(Event):
    """The last socket that an edge held of a driver closed (C5): `driver.disconnected.<driver>` (DRIVERS)."""

    type = "driver.disconnected"
    source = "/waggle/realtime"
    driver_id: str
    disconnected_at: AwareDatetime

    def subject(self) -> str:
        return f"{self.type}.{to_token(self.driver_id)}"


class NotificationCreated(Event):
    """A notification was recorded for a user or driver: `notification.created.<user>` (C10)."""

    type = "notification.created"
    source = "/waggle/push"
    notification_id: UUID
    user_id: str
    title: str
    body: str
    kind: str
    data: dict[str, Any]
    created_at: AwareDatetime

    def subject(self) -> str:
        return f"{self.type}.{to_token(self.user_id)}"


class IdentityRevoked(Event):
    """Tokens of somebody are void before they expire: `identity.revoked.<sub>` (IDENTITY), C1.

    `role`: only those of this role. `issued_before`: those whose `iat` is earlier, or missing; null: all.
    """

    type = "identity.revoked"
    source = "/waggle/realtime"
    subject_id: str
    role: Role | None = None
    issued_before: AwareDatetime | None = None
    reason: str | None = None

    def subject(self) -> str:
        return f"{self.type}.{to_token(self.subject_id)}"


class DriverLocated(Model):
    """Where a driver is: `driver.location.<cell>.<driver>`, core NATS, latest wins (C3).

    Degrees (WGS 84); heading in degrees from north; speed in metres a second.
    """

    driver_id: str
    lat: Latitude
    lng: Longitude
    heading: float | None = None
    speed: float | None = None
    recorded_at: AwareDatetime

    def subject(self, cell: str) -> str:
        """`cell` is the coarse H3 parent that regions are made of."""
        return f"driver.location.{cell}.{to_token(self.driver_id)}"


class JobTracked(Model):
    """A driver's position while on a job: `tracking.live.<job>` to the room, core NATS; and
    `tracking.recorded.<job>` into its history (TRACKING), C3."""

    job_id: UUID
    driver_id: str
    lat: Latitude
    lng: Longitude
    heading: float | None = None
    speed: float | None = None
    recorded_at: AwareDatetime


EVENTS: tuple[type[Event], ...] = (
    JobCreated,
    JobRetried,
    JobCancelled,
    JobStatusChanged,
    SearchStarted,
    SearchFailed,
    SearchTimedOut,
    OfferCreated,
    OfferDeclined,
    OfferExpired,
    OfferWithdrawn,
    AssignmentCreated,
    AssignmentReleased,
    FeedClosed,
    DriverStatusChanged,
    DriverDisconnected,
    ServiceTypeChanged,
    NotificationCreated,
    IdentityRevoked,
)
BY_TYPE: dict[str, type[Event]] = {event.type: event for event in EVENTS}
