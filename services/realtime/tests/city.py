"""A busy city for tests: jobs and what happens to them, and by REQUIREMENTS A, B and C who is told what.

Written from the requirements, not from the edge's own tables, so that it can disagree with them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from contracts import events as happened
from contracts.models import Job, JobStatus, Role

from . import made

Anything = happened.Event | happened.JobTracked
Told = tuple[str, str]
"""Person, name of the event."""


@dataclass
class Story:
    """One job and its people. All `drivers` are different ones."""

    job: Job
    silent: str
    """Lets an offer expire."""
    busy: str
    """Declines one."""
    shown: list[str]
    """Those to whom the job is broadcast; the first of them wins it."""
    heir: str | None
    """Has it after it was taken from the winner."""
    cancelled: bool
    """How it ends: cancelled, or completed."""
    spot: float
    """Its driver is at this latitude, and nobody else's."""
    holders: dict[str, str | None] = field(default_factory=dict)
    """By status: who had the job then."""

    def concerned(self, name: str) -> list[str]:
        """Drivers that an event of this name is meant for."""
        return {
            "booking:offer": [self.silent, self.busy],
            "offer:expired": [self.silent],
            "job:new": self.shown,
            "offer:withdrawn": self.shown[1:],
            "booking:released": self.shown[:1] if self.heir else [],
        }.get(name, [])

    @property
    def holder(self) -> str:
        return self.heir or self.shown[0]

    def become(self, status: JobStatus, driver: str | None) -> Job:
        self.holders[status] = driver
        card = made.card(driver) if driver else None
        more = {"status": status, "version": self.job.version + 1, "driver": card}
        self.job = self.job.model_copy(update=more)
        return self.job

    def search(self) -> Iterator[happened.Event]:
        """It is ordered, and nobody is found."""
        job = self.job
        yield made.created(job)
        yield made.started(job)
        yield made.offer(job, self.silent)
        yield made.offer_end(happened.OfferExpired, job, self.silent)
        yield made.offer(job, self.busy, number=2)
        yield made.offer_end(happened.OfferDeclined, job, self.busy)
        yield made.failed(job, happened.SearchFailure.max_tries)
        yield made.retried(self.become(JobStatus.pending, None))
        yield made.timed_out(self.job)
        yield made.feed_closed(self.job, None, JobStatus.unfulfilled)

    def assign(self) -> Iterator[happened.Event]:
        """Some drivers are shown it, and the first takes it."""
        for driver in self.shown:
            yield made.offer(self.job, driver, exclusive=False)
        winner, *losers = self.shown
        yield made.assigned(self.job, winner)
        yield made.feed_closed(self.job, winner)
        for driver in losers:
            yield made.offer_end(happened.OfferWithdrawn, self.job, driver, exclusive=False, reason="taken")
        yield made.status(self.become(JobStatus.accepted, winner), winner)

    def pass_on(self) -> Iterator[happened.Event]:
        """From the winner to the heir, if there is one."""
        if self.heir:
            yield made.released(self.job, self.shown[0])
            yield made.assigned(self.job, self.heir)
            self.job = self.job.model_copy(update={"driver": made.card(self.heir)})

    def ride(self) -> Iterator[Anything]:
        for status in (JobStatus.en_route, JobStatus.arrived):
            yield made.status(self.become(status, self.holder), self.holder)
            yield made.tracked(self.job.id, self.holder).model_copy(update={"lat": self.spot})
        yield made.notification(self.job.customer_id)
        yield made.notification(self.holder)

    def end(self) -> Iterator[happened.Event]:
        if self.cancelled:
            self.holders[JobStatus.cancelled] = self.holder
            yield made.cancelled(self.job, self.holder)
        else:
            yield made.status(self.become(JobStatus.completed, self.holder), self.holder)


@dataclass
class City:
    """Everybody, and all that was said so far."""

    people: dict[str, Role]
    online: set[str]
    """Drivers that went online."""
    stories: dict[str, Story]
    """By job."""
    notified: dict[str, str] = field(default_factory=dict)
    """Notification → whose it is."""

    def admins(self) -> list[str]:
        return [person for person, role in self.people.items() if role is Role.admin]

    def due(self, event: Anything) -> Iterable[Told]:
        """Who must hear what of this: in person, and of positions in the booking's room."""
        match event:
            case happened.NotificationCreated():  # C10
                yield event.user_id, "notification"
            case happened.JobTracked():  # C3
                story = self.stories[str(event.job_id)]
                yield from self._each(
                    [story.job.customer_id, story.holder, *self.admins()], "location:update"
                )
            case happened.FeedClosed():  # A7
                taken = event.status is JobStatus.accepted
                yield from self._each(self.online, "job:accepted" if taken else "job:closed")
            case happened.AssignmentReleased():  # B11
                yield str(event.driver_id), "booking:released"
            case happened.OfferEvent():
                yield from self._of_offer(event)
            case happened.DispatchEvent():
                yield from self._of_job(event)

    def _of_offer(self, event: happened.OfferEvent) -> Iterable[Told]:
        driver, customer = str(event.driver_id), event.customer_id
        match event:
            case happened.OfferCreated() if event.exclusive:  # B2, B3
                yield from ((driver, "booking:offer"), (customer, "booking:offer_sent"))
            case happened.OfferCreated():  # A1
                yield driver, "job:new"
            case happened.OfferExpired():  # B4
                yield from ((driver, "offer:expired"), (customer, "booking:offer_expired"))
            case happened.OfferDeclined():  # B5
                yield customer, "booking:offer_declined"
            case happened.OfferWithdrawn():
                yield driver, "offer:withdrawn"

    def _of_job(self, event: happened.DispatchEvent) -> Iterable[Told]:
        customer = event.customer_id
        match event:
            case happened.JobCreated():  # B1
                yield customer, "booking:created"
            case happened.SearchStarted():  # B1
                yield customer, "booking:search_started"
            case happened.SearchFailed():  # B8
                yield from self._each([customer, *self.admins()], "booking:no_pilots")
            case happened.SearchTimedOut():  # B9
                yield from self._each([customer, *self.admins()], "booking:search_timeout")
            case happened.AssignmentCreated():  # B7, A7
                yield customer, "booking:driver_assigned"
                yield from self._each(self.admins(), "booking:assigned")
                yield from self._each(self.admins(), "admin:job-status")
            case happened.JobEvent():  # C8
                yield customer, "booking:status"
                if event.driver_id:
                    yield event.driver_id, "booking:status"

    @staticmethod
    def _each(people: Iterable[str], name: str) -> Iterable[Told]:
        return ((person, name) for person in people)

    def may_hear(self, person: str, name: str, payload: dict[str, Any]) -> bool:
        """Whether this is for the eyes of this person. What the requirements do not know is for nobody's."""
        role = self.people[person]
        if name == "notification":
            return self.notified[payload["id"]] == person
        if name == "booking:snapshot":
            return self._may_see_snapshot(person, payload)
        if name == "location:update":
            [story] = [one for one in self.stories.values() if one.spot == payload["lat"]]
            return role is Role.admin or person in (story.job.customer_id, story.holder)
        story = self.stories[payload.get("bookingId") or payload.get("job_id") or payload["id"]]
        match role:
            case Role.user:
                return (
                    person == story.job.customer_id and name in FOR_CUSTOMERS and "triedPilots" not in payload
                )
            case Role.admin:
                return name in FOR_ADMINS and "message" not in payload
            case Role.pilot:
                return self._driver_may_hear(person, name, payload, story)

    def _driver_may_hear(self, person: str, name: str, payload: dict[str, Any], story: Story) -> bool:
        if name in ("job:accepted", "job:closed"):
            return person in self.online and payload.keys() == {"job_id", "status", "driver_id"}
        if name in ("job:status", "booking:status"):
            return person == story.holders[payload["status"]]
        if name == "job:driver-assigned":
            return person == str(payload["driver"]["id"])
        return person in story.concerned(name)

    def _may_see_snapshot(self, person: str, snapshot: dict[str, Any]) -> bool:
        role = self.people[person]
        known = [self.stories[one["bookingId"]] for one in snapshot["bookings"]]
        pending = snapshot.get("offers", []) + snapshot.get("jobs", [])
        if role is Role.user:
            return all(person == story.job.customer_id for story in known) and not pending
        held = [one["pilot"] and one["pilot"]["id"] for one in snapshot["bookings"]]
        if role is Role.pilot:
            return set(held) <= {person} and not pending
        return snapshot == {"bookings": []}


FOR_CUSTOMERS = {
    *("booking:created", "booking:search_started", "booking:offer_sent", "booking:offer_expired"),
    *("booking:offer_declined", "booking:driver_assigned", "booking:no_pilots", "booking:search_timeout"),
    *("booking:status", "job:status", "job:driver-assigned"),
}
FOR_ADMINS = {
    *("booking:assigned", "admin:job-status", "booking:no_pilots", "booking:search_timeout"),
    *("booking:status", "job:status", "job:driver-assigned"),
}
