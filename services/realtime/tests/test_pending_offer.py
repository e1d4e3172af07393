"""An offer that still stands, in the words in which it was made."""

from typing import Any

import pytest

from contracts.events import OfferCreated
from contracts.models import Job, PendingOffer
from realtime import words

from . import made
from .saying import said


def standing(event: OfferCreated) -> PendingOffer:
    """As matching answers it later."""
    return PendingOffer.model_validate(event.model_dump())


def told(event: OfferCreated, name: str) -> dict[str, Any]:
    """What the driver got when it was made."""
    [payload] = [payload for _, said_name, payload in said(event) if said_name == name]
    return payload


PLACELESS = made.job(address="Somewhere 1", pickup=None, dropoff=None)
WISHED = made.job(requested_driver_id="dan", address=None)


@pytest.mark.parametrize("job", [made.job(), PLACELESS, WISHED], ids=["usual", "placeless", "wished"])
@pytest.mark.parametrize(("exclusive", "name"), [(True, "booking:offer"), (False, "job:new")])
def test_an_offer_that_still_stands_reads_as_when_it_was_made(job: Job, exclusive: bool, name: str) -> None:
    """C7, A1, B2"""
    event = made.offer(job, exclusive=exclusive, number=3)
    assert words.pending_offer(standing(event)) == told(event, name)


def test_a_shared_offer_that_still_stands_has_its_expiry_and_not_whom_the_customer_wished_for() -> None:
    """C7, A1: a group's offer lapses."""
    event = made.offer(WISHED, exclusive=False).model_copy(update={"expires_at": made.LATER})
    payload = words.pending_offer(standing(event))
    assert payload == told(event, "job:new")
    assert payload["expires_at"] == made.LATER_TEXT
    assert payload["lat"] == made.PICKUP.lat
    assert "requested_driver_id" not in payload
