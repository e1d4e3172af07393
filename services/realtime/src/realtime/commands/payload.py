"""Shapes that come from clients. A text is no number, and fields that we do not know are left alone."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Payload(BaseModel):
    """The one argument of an event, a JSON object."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class Nothing(Payload):
    """Nothing is asked for; whatever comes is left alone."""


class BookingRef(Payload):
    """`{bookingId}`, a UUID as text."""

    booking_id: Annotated[UUID, Field(alias="bookingId", strict=False)]
