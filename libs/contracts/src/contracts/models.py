"""The things that events and requests speak of: a job, its places, a driver's card."""

import json
import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from contracts.ids import MAX_SUBJECT_ID

Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Money = Annotated[
    Decimal,
    Field(ge=0, max_digits=12, decimal_places=2, allow_inf_nan=False),
    PlainSerializer(float, return_type=float, when_used="json"),
]
"""An amount in the operator's currency. A JSON number on the wire, as the apps have it."""


_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""NUL as JSON writes it; not a backslash followed by `u0000`."""


def _storable_text(text: str) -> str:
    """PostgreSQL's text can hold neither NUL nor half of a surrogate pair."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must not contain NUL or half a character")
    return text


def _as_a_sub(identifier: str) -> str:
    """No token can name anybody by a longer id."""
    if len(identifier.encode()) > MAX_SUBJECT_ID:
        raise ValueError(f"must not be longer than {MAX_SUBJECT_ID} bytes")
    return identifier


def _storable_object(value: dict[str, Any]) -> dict[str, Any]:
    """JSON as RFC 8259 has it: no NaN, no lone surrogates; and no NUL, as in every text."""
    try:
        encoded = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ValueError("must be plain JSON") from error
    if _NUL.search(encoded):
        raise ValueError("must not contain NUL")
    return value


Text = Annotated[str, AfterValidator(_storable_text)]
"""Text that every part of the system can keep."""
JsonObject = Annotated[dict[str, Any], AfterValidator(_storable_object)]
"""A JSON object that every part of the system can keep."""
SubjectId = Annotated[Text, Field(min_length=1), AfterValidator(_as_a_sub)]
"""Somebody's id as the edges let it in: the `sub` of a token."""


class Model(BaseModel):
    """What crosses the bus: unchangeable, and deaf to fields added by a newer sender."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Role(StrEnum):
    """Who speaks, in the apps' words, as the token's `role` claim has it."""

    user = "user"
    pilot = "pilot"
    admin = "admin"


class Identity(Model):
    """Whom a verified token names. `subject` is a customer's id, a driver's id or an admin's."""

    subject: str
    role: Role
    name: str | None = None


class JobStatus(StrEnum):
    """How far a job has come."""

    pending = "pending"
    accepted = "accepted"
    en_route = "en_route"
    arrived = "arrived"
    in_progress = "in_progress"
    completed = "completed"
    cancelled = "cancelled"
    unfulfilled = "unfulfilled"


class Place(Model):
    """An address with its position in degrees (WGS 84)."""

    address: Text = Field(min_length=1, max_length=500)
    lat: Latitude
    lng: Longitude


class DriverCard(Model):
    """What a customer is shown of the driver (A6, B7)."""

    id: Text
    name: Text
    phone: Text | None = None
    avatar: Text | None = None
    vehicle_type: Text | None = None
    truck_type: Text | None = None
    rating: float | None = None
    total_jobs: int = 0


class Job(Model):
    """A job as every service and app sees it (B15). `version` grows by one with each change.

    `requested_driver_id`: whom the customer wishes for; only service types with a `direct` step heed it.
    """

    id: UUID
    number: Text
    customer_id: Text
    service_type: Text
    vehicle_type: Text | None = None
    requested_driver_id: Text | None = None
    status: JobStatus
    version: int
    attempt: int = 1
    address: Text | None = None
    pickup: Place | None = None
    dropoff: Place | None = None
    items: JsonObject | None = None
    notes: Text | None = None
    total_price: Money
    payment_method: Text | None = None
    cash_to_collect: Money | None = None
    driver: DriverCard | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class PendingOffer(Model):
    """An offer that its driver can still accept, with what `OfferCreated` said of it."""

    offer_id: UUID
    exclusive: bool
    number: int
    expires_at: AwareDatetime | None = None
    job: Job
