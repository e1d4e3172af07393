"""What this edge knows of the drivers that are connected to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from uuid import UUID

from contracts.events import (
    AssignmentCreated,
    AssignmentReleased,
    DriverState,
    DriverStatusChanged,
    Event,
    JobCancelled,
    JobStatusChanged,
    OfferDeclined,
    OfferExpired,
    OfferWithdrawn,
)
from contracts.models import JobStatus
from contracts.requests import DriverView


@dataclass
class DriverHere:
    """One driver, whatever the number of its sockets."""

    online: bool = False
    active_job: UUID | None = None
    located_at: float = -inf
    """When a position was last used, on the loop's clock."""
    recorded_at: float = -inf
    """When a position was last sent to the history of its job, likewise."""
    changes: int = 0
    """Counts what was learnt, so that an answer which was on its way meanwhile is known to be old."""
    version: int = 0
    """Of the newest change of its status that was heard; an older one comes too late."""

    def learn(self, view: DriverView) -> None:
        """What matching says."""
        self.online = view.state is not DriverState.offline
        self.active_job = view.active_job.job_id if view.active_job else None

    def hear(self) -> None:
        """Something of it has changed that may not be in an answer which is on its way."""
        self.changes += 1

    def change(self, event: DriverStatusChanged) -> bool:
        """What matching tells, asked or not: it takes drivers offline by itself (C4, C5). False: too old."""
        if event.version < self.version:
            return False
        self.online, self.version = event.state is not DriverState.offline, event.version
        self.changes += 1
        return True

    def begin(self, job_id: UUID) -> None:
        """On this job now."""
        self.active_job, self.changes = job_id, self.changes + 1

    def end(self, job_id: UUID) -> None:
        """No longer on this job."""
        self.changes += 1
        if self.active_job == job_id:
            self.active_job = None


def ends_job(event: Event) -> bool:
    """Whether the job is over, for all of its people."""
    if isinstance(event, JobStatusChanged):
        return event.job.status is JobStatus.completed
    return isinstance(event, JobCancelled)


def observe(drivers: Mapping[str, DriverHere], event: Event) -> None:
    """Learn from an event which driver is on which job."""
    match event:
        case AssignmentCreated() if driver := drivers.get(event.driver.id):
            driver.begin(event.job_id)
        case OfferExpired() | OfferDeclined() | OfferWithdrawn():
            if driver := drivers.get(event.driver_id or ""):
                driver.hear()
        case AssignmentReleased() | JobCancelled() | JobStatusChanged():
            driver = drivers.get(event.driver_id or "")
            if driver and (isinstance(event, AssignmentReleased) or ends_job(event)):
                driver.end(event.job_id)
