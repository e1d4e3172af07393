"""What one service asks of another over NATS request/reply. A refusal is a `Problem`."""

from typing import ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import Field

from contracts.events import DriverState
from contracts.explained import DispatchView, JobPushes
from contracts.ids import NOBODY, to_token
from contracts.models import DriverCard, Identity, Job, JobStatus, Latitude, Longitude, Model, PendingOffer

Reply = TypeVar("Reply", bound=Model)


class Problem(Model):
    """A refusal: a stable `code`, a message for people, and the HTTP status that says the same (RFC 9457)."""

    code: str
    message: str
    status: int = Field(ge=400, le=599)


class Request(Model, Generic[Reply]):
    """A question with its one kind of answer. `subject` is `request.<service>.<name>`."""

    subject: ClassVar[str]
    reply: ClassVar[type[Model]]


class BookingView(Model):
    """A booking that the asker may see."""

    job: Job


class ViewBooking(Request[BookingView]):
    """One booking: to its customer, its driver and admins only (C6)."""

    subject = "request.booking.view"
    reply = BookingView
    identity: Identity
    booking_id: UUID


class OpenBookings(Model):
    """Bookings under way, newest first; at most 20."""

    jobs: list[Job]


class ListOpenBookings(Request[OpenBookings]):
    """The bookings of a customer or driver that are under way (C7)."""

    subject = "request.booking.open"
    reply = OpenBookings
    identity: Identity


class CancelBooking(Request[BookingView]):
    """Cancel, by the customer or an admin (B11)."""

    subject = "request.booking.cancel"
    reply = BookingView
    identity: Identity
    booking_id: UUID
    reason: str | None = Field(default=None, max_length=500)


class RetryBooking(Request[BookingView]):
    """Search again, by the customer, while there is no driver (B10)."""

    subject = "request.booking.retry"
    reply = BookingView
    identity: Identity
    booking_id: UUID


class AdvanceBooking(Request[BookingView]):
    """The driver moves the job on: en_route, arrived, in_progress, completed (C12)."""

    subject = "request.booking.advance"
    reply = BookingView
    identity: Identity
    booking_id: UUID
    status: JobStatus


class ActiveJob(Model):
    """The job a driver is on."""

    job_id: UUID
    customer_id: str


class DriverView(Model):
    """A driver's availability. `offers`: what it holds, only in the answer to `ViewDriver`."""

    driver_id: str
    state: DriverState
    approved: bool
    active_job: ActiveJob | None = None
    offers: list[PendingOffer] = Field(default=[])


class GoOnline(Request[DriverView]):
    """A driver can be offered jobs from now on (C2). The position, if known, puts it on the map at once."""

    subject = "request.matching.go_online"
    reply = DriverView
    driver_id: str
    vehicle_id: str | None = Field(default=None, max_length=100)
    lat: Latitude | None = None
    lng: Longitude | None = None
    edge_id: str | None = Field(default=None, max_length=100)
    """The edge that holds the driver's socket; None over HTTP."""


class GoOffline(Request[DriverView]):
    """A driver cannot be offered jobs from now on (C2)."""

    subject = "request.matching.go_offline"
    reply = DriverView
    driver_id: str


class Present(Model):
    """The edge is there; of a driver: it holds a socket of it."""

    edge_id: str


class FindDriver(Model):
    """Does an edge hold a socket of this driver? `presence.driver._._.<driver>`

    Each edge that does answers. Where none does, NATS itself says so at once ("no responders"), even of an
    edge that was killed. The subject ends like that of an event for the driver, so an edge that holds its
    socket listens to it already.
    """

    driver_id: str

    def subject(self) -> str:
        """Where it is asked."""
        return f"presence.driver.{NOBODY}.{NOBODY}.{to_token(self.driver_id)}"


class FindEdge(Model):
    """Does this edge live? `presence.edge.<edge>`; it answers, or NATS says that there are no responders."""

    edge_id: str

    def subject(self) -> str:
        """Where it is asked."""
        return f"presence.edge.{to_token(self.edge_id)}"


class ViewDriver(Request[DriverView]):
    """A driver's availability, active job, and offers (C7): an exclusive one first, then the newest; at most
    50, or fewer if they are large."""

    subject = "request.matching.driver"
    reply = DriverView
    driver_id: str


class Acceptance(Model):
    """The driver has the job."""

    job_id: UUID
    driver_id: str
    status: JobStatus = JobStatus.accepted


class AcceptJob(Request[Acceptance]):
    """A driver takes a job it was offered (A5, B7). Asking again after winning answers the same."""

    subject = "request.matching.accept"
    reply = Acceptance
    driver_id: str
    job_id: UUID


class Declined(Model):
    """The offer is off."""

    job_id: UUID
    driver_id: str


class DeclineJob(Request[Declined]):
    """A driver says no to an offer (B5)."""

    subject = "request.matching.decline"
    reply = Declined
    driver_id: str
    job_id: UUID


class SearchOver(Model):
    """Nobody is offered the job any more, and nobody can accept it."""

    job_id: UUID


class EndSearch(Request[SearchOver]):
    """The job was cancelled (B11): end its search now.

    `job.cancelled` says the same, perhaps later; whichever is heard second changes nothing.
    """

    subject = "request.matching.end_search"
    reply = SearchOver
    job: Job


class SearchView(Model):
    """How a job's newest search stands: searching, assigned (to `driver`), failed, timed_out or cancelled."""

    job_id: UUID
    attempt: int
    state: str
    driver: DriverCard | None = None


class ViewSearch(Request[SearchView]):
    """What `assignment.created`, `search.failed` or `search.timed_out` tells, perhaps later, of the newest
    search of a job."""

    subject = "request.matching.search"
    reply = SearchView
    job_id: UUID


class ViewDispatch(Request[DispatchView]):
    """Who was asked, who was not, and why (A12). For admins; with `driver_id`, about that driver only.

    `offers_only`: without `decisions` and `others`, which name whole fleets; for how far a search is (B12).
    """

    subject = "request.matching.dispatch"
    reply = DispatchView
    job_id: UUID
    driver_id: str | None = None
    offers_only: bool = False


class ViewPushes(Request[JobPushes]):
    """Who was told of a job, on which devices, and how that went (A12). With `driver_id`, that one only.

    The newest 500 notifications, or fewer if they are large, each with up to 20 devices.
    """

    subject = "request.push.view"
    reply = JobPushes
    job_id: UUID
    driver_id: str | None = None


class ServiceTypes(Model):
    """Every service type that jobs can be dispatched as."""

    names: frozenset[str]


class ListServiceTypes(Request[ServiceTypes]):
    """What admins have set up (B14)."""

    subject = "request.matching.service_types"
    reply = ServiceTypes


REQUESTS: tuple[type[Request[Model]], ...] = (
    ViewBooking,
    ListOpenBookings,
    CancelBooking,
    RetryBooking,
    AdvanceBooking,
    GoOnline,
    GoOffline,
    ViewDriver,
    AcceptJob,
    DeclineJob,
    EndSearch,
    ViewSearch,
    ViewDispatch,
    ViewPushes,
    ListServiceTypes,
)  # type: ignore[assignment]  # Request is invariant in its reply; the table only needs the subjects
