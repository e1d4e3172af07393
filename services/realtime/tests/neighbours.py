"""Booking and matching as the edge sees them: the real requests over the real bus, answered from a dict."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from nats.aio.client import Client

from contracts.events import DriverState
from contracts.models import Identity, Job, JobStatus, PendingOffer, Role
from contracts.requests import (
    Acceptance,
    AcceptJob,
    AdvanceBooking,
    BookingView,
    CancelBooking,
    Declined,
    DeclineJob,
    DriverView,
    GoOffline,
    GoOnline,
    ListOpenBookings,
    OpenBookings,
    RetryBooking,
    ViewBooking,
    ViewDriver,
)
from wire.problem import conflict, not_found
from wire.rpc import Endpoint, serve


class Neighbours:
    """`jobs` is what booking knows, `drivers`, `offers` (by driver) and `winners` what matching knows.

    A job in `late` is answered in this older form once, as by a read that an event has overtaken. What is in
    `meanwhile` happens once, between such a read and its answer.
    """

    def __init__(self) -> None:
        self.jobs: dict[UUID, Job] = {}
        self.late: dict[UUID, Job] = {}
        self.meanwhile: dict[UUID, Callable[[], Awaitable[None]]] = {}
        self.drivers: dict[str, DriverView] = {}
        self.offers: dict[str, list[PendingOffer]] = {}
        self.winners: dict[UUID, str] = {}

    def add(self, job: Job) -> Job:
        self.jobs[job.id] = job
        return job

    def _seen_by(self, identity: Identity, job_id: UUID) -> Job:
        job = self.jobs.get(job_id)
        if job is None or not self._concerns(identity, job):
            raise not_found("booking")
        return self.late.pop(job_id, job)

    @staticmethod
    def _concerns(identity: Identity, job: Job) -> bool:
        if identity.role is Role.user:
            return job.customer_id == identity.subject
        driver = job.driver.id if job.driver else None
        return identity.role is Role.admin or driver == identity.subject

    async def view(self, asked: ViewBooking | RetryBooking) -> BookingView:
        seen = self._seen_by(asked.identity, asked.booking_id)
        if happens := self.meanwhile.pop(asked.booking_id, None):
            await happens()
        return BookingView(job=seen)

    async def open_ones(self, asked: ListOpenBookings) -> OpenBookings:
        open_jobs = [job for job in self.jobs.values() if self._concerns(asked.identity, job)]
        return OpenBookings(jobs=[self.late.pop(job.id, job) for job in open_jobs])

    async def cancel(self, asked: CancelBooking) -> BookingView:
        job = self._seen_by(asked.identity, asked.booking_id)
        return BookingView(job=self.add(job.model_copy(update={"status": JobStatus.cancelled})))

    async def advance(self, asked: AdvanceBooking) -> BookingView:
        job = self._seen_by(asked.identity, asked.booking_id)
        return BookingView(job=self.add(job.model_copy(update={"status": asked.status})))

    async def online(self, asked: GoOnline) -> DriverView:
        view = DriverView(driver_id=asked.driver_id, state=DriverState.available, approved=True)
        self.drivers[asked.driver_id] = view
        return view

    async def offline(self, asked: GoOffline) -> DriverView:
        view = DriverView(driver_id=asked.driver_id, state=DriverState.offline, approved=True)
        self.drivers[asked.driver_id] = view
        return view

    async def driver(self, asked: ViewDriver) -> DriverView:
        if asked.driver_id not in self.drivers:
            raise not_found("driver")
        offers = self.offers.get(asked.driver_id, [])
        return self.drivers[asked.driver_id].model_copy(update={"offers": offers})

    async def accept(self, asked: AcceptJob) -> Acceptance:
        if self.winners.setdefault(asked.job_id, asked.driver_id) != asked.driver_id:
            raise conflict("already_accepted", "Job already accepted by another driver")
        return Acceptance(job_id=asked.job_id, driver_id=asked.driver_id)

    async def decline(self, asked: DeclineJob) -> Declined:
        return Declined(job_id=asked.job_id, driver_id=asked.driver_id)

    @asynccontextmanager
    async def at_home(self, nc: Client) -> AsyncIterator[None]:
        """Answering, while the block runs."""
        booking = [
            Endpoint(ViewBooking, self.view),
            Endpoint(RetryBooking, self.view),
            Endpoint(ListOpenBookings, self.open_ones),
            Endpoint(CancelBooking, self.cancel),
            Endpoint(AdvanceBooking, self.advance),
        ]
        matching = [
            Endpoint(GoOnline, self.online),
            Endpoint(GoOffline, self.offline),
            Endpoint(ViewDriver, self.driver),
            Endpoint(AcceptJob, self.accept),
            Endpoint(DeclineJob, self.decline),
        ]
        async with serve(nc, "booking", "0.0.1", booking), serve(nc, "matching", "0.0.1", matching):
            await nc.flush()
            await nc.flush()  # see realtime.membership
            yield
