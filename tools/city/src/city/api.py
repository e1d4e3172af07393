"""What the admin's API says of bookings, their dispatch and drivers: only the fields that are checked."""

from datetime import UTC, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Told(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Card(Told):
    id: str


class Booking(Told):
    """GET /v1/bookings/{id}. `updated_at` of one that has ended is when it ended."""

    id: str
    status: str
    attempt: int = 1
    driver: Card | None = None
    updated_at: datetime


class Offer(Told):
    """`id` is a UUIDv7, made when the offer was decided on; `created_at` is when that transaction began."""

    id: UUID
    driver_id: str
    state: str
    exclusive: bool
    created_at: datetime
    expires_at: datetime | None = None
    answered_at: datetime | None = None

    @property
    def decided_at(self) -> datetime:
        """From the id (RFC 9562), to the millisecond."""
        return datetime.fromtimestamp((self.id.int >> 80) / 1000, UTC)


class Decision(Told):
    """One look for drivers, under one step's policy."""

    at: datetime
    policy: str


class Attempt(Told):
    """One search. `state`: searching, assigned, failed, timed_out or cancelled."""

    attempt: int
    state: str
    driver_id: str | None = None
    offers: list[Offer] = []
    decisions: list[Decision] = []

    @property
    def stood_open(self) -> bool:
        """Whether any driver could take the job in the end, whatever became of its offer (A9).

        Looks are made, under the search's lock, only while nobody has the job: each came before the accept,
        though the accept's clock, read before it waited for the lock, may say otherwise.
        """
        return any(look.policy == "broadcast" for look in self.decisions)


class Dispatch(Told):
    """GET /v1/jobs/{id}/dispatch."""

    job_id: str
    attempts: list[Attempt]


class DriverRecord(Told):
    """GET /v1/drivers/{id}."""

    id: str
    state: str
    active_job_id: str | None = None


class Aftermath(BaseModel):
    """The API's answers once quiet, by id; None for a 404."""

    bookings: dict[str, Booking | None] = {}
    dispatches: dict[str, Dispatch | None] = {}
    drivers: dict[str, DriverRecord | None] = {}
