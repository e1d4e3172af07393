"""The words that people read on their phones, to the letter."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.events import (
    AssignmentCreated,
    DispatchMode,
    Event,
    JobCancelled,
    JobCreated,
    JobStatusChanged,
    OfferCreated,
    SearchFailed,
    SearchFailure,
    SearchTimedOut,
)
from contracts.ids import new_id
from contracts.models import DriverCard, Job, JobStatus, Place
from push.domain import URGENT, Kind, Notification
from push.policy import notifications

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
JOB_ID, SEARCH_ID, OFFER_ID = new_id(), new_id(), new_id()
ABOUT: dict[str, Any] = {"job_id": JOB_ID, "customer_id": "customer"}
SEARCH: dict[str, Any] = ABOUT | {"search_id": SEARCH_ID, "attempt": 1}


def job(**changes: Any) -> Job:
    fields: dict[str, Any] = {
        "id": JOB_ID,
        "number": "WG-000001",
        "customer_id": "customer",
        "service_type": "haul",
        "status": JobStatus.pending,
        "version": 1,
        "address": "12 Main St",
        "total_price": "45.50",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Job(**(fields | changes))


def offer(**changes: Any) -> OfferCreated:
    fields = SEARCH | {"driver_id": "driver", "offer_id": OFFER_ID, "number": 1, "exclusive": False}
    return OfferCreated(**(fields | {"job": job()} | changes))


def told(event: Event) -> Notification:
    (one,) = notifications(event, NOW)
    return one


def test_a_broadcast_job_is_told_as_new_job_nearby() -> None:
    """A2: title, body and data to the letter."""
    one = told(offer())
    assert (one.recipient, one.title, one.body) == ("driver", "New Job Nearby", "12 Main St - $46")
    assert one.data == {"job_id": str(JOB_ID), "type": "new_job", "address": "12 Main St"}
    assert (one.kind, one.collapse_id) == (Kind.new_job, str(OFFER_ID))


@pytest.mark.parametrize(
    ("price", "shown"), [("0", "$0"), ("0.50", "$0"), ("1.50", "$2"), ("1234.49", "$1234")]
)
def test_a_price_is_told_in_whole_units(price: str, shown: str) -> None:
    """A2: as `${total_price:.0f}` rounds."""
    assert told(offer(job=job(total_price=price))).body == f"12 Main St - {shown}"
    assert shown == f"${float(price):.0f}"


def test_a_job_without_a_location_is_told_by_its_price() -> None:
    """A2, A3"""
    one = told(offer(job=job(address=None)))
    assert (one.body, one.data["address"]) == ("$46", "")


def test_a_broadcast_job_is_told_by_its_own_address_and_an_exclusive_offer_by_its_pickups() -> None:
    """A2, B2: and by the other's where it has none."""
    place = Place(address="1 Pickup St", lat=0, lng=0)
    for exclusive, both in ((False, "12 Main St - $46"), (True, "1 Pickup St - $46")):
        assert told(offer(exclusive=exclusive, job=job(pickup=place))).body == both
        assert told(offer(exclusive=exclusive, job=job())).body == "12 Main St - $46"
        assert (
            told(offer(exclusive=exclusive, job=job(address=None, pickup=place))).body == "1 Pickup St - $46"
        )


def test_a_shared_offer_without_a_deadline_is_worth_a_push_for_ten_minutes() -> None:
    """A2, A14"""
    assert told(offer()).expires_at == NOW + timedelta(minutes=10)
    closing = NOW + timedelta(minutes=3)
    assert told(offer(expires_at=closing)).expires_at == closing


def test_an_exclusive_offer_is_told_with_its_pickup_price_and_deadline() -> None:
    """B2, B4: it is worth nothing after 30 s, and both the phone and APNs are told so."""
    until = NOW + timedelta(seconds=30)
    pickup = Place(address="1 Pickup St", lat=0, lng=0)
    one = told(offer(exclusive=True, expires_at=until, job=job(pickup=pickup)))
    assert (one.recipient, one.title, one.body) == ("driver", "New Delivery Offer", "1 Pickup St - $46")
    assert one.data == {
        "job_id": str(JOB_ID),
        "type": "offer",
        "offer_id": str(OFFER_ID),
        "expires_at": "2026-11-20T12:00:30+00:00",
    }
    assert (one.expires_at, one.collapse_id) == (until, str(OFFER_ID))


def test_only_offers_break_through_a_silenced_phone() -> None:
    assert {Kind.new_job, Kind.offer} == URGENT


def test_a_long_address_is_cut_and_not_failed() -> None:
    """A2: a push takes 4,096 bytes."""
    one = told(offer(job=job(address="ä" * 500)))
    assert one.data["address"] == "ä" * 199 + "…"
    assert one.body == f"{one.data['address']} - $46"


def test_the_customer_is_told_of_the_assignment() -> None:
    """A6: title, body and data to the letter."""
    card = DriverCard(id="driver", name="Ada")
    event = AssignmentCreated(**SEARCH, driver_id="driver", mode=DispatchMode.broadcast, driver=card)
    one = told(event)
    assert one.recipient == "customer"
    assert (one.title, one.body) == ("Driver Assigned", "A driver has been assigned to your job!")
    assert one.data == {"job_id": str(JOB_ID), "type": "job_update", "status": "accepted"}
    assert (one.kind, one.collapse_id) == (Kind.job_update, str(JOB_ID))
    assert one.expires_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("status", "title", "body"),
    [
        ("en_route", "Driver On The Way", "Your driver is on the way!"),
        ("arrived", "Driver Arrived", "Your driver has arrived!"),
        ("in_progress", "Job In Progress", "Your job is in progress!"),
        ("completed", "Job Completed", "Your job has been completed!"),
    ],
)
def test_the_customer_is_told_of_each_step(status: str, title: str, body: str) -> None:
    """C12, A4: each step reaches the customer's phone."""
    event = JobStatusChanged(**ABOUT, driver_id="driver", job=job(status=status), previous="pending")
    one = told(event)
    assert (one.recipient, one.title, one.body) == ("customer", title, body)
    assert one.data == {"job_id": str(JOB_ID), "type": "job_update", "status": status}


@pytest.mark.parametrize("status", ["pending", "accepted", "cancelled", "unfulfilled"])
def test_a_change_that_another_event_tells_is_not_told_twice(status: str) -> None:
    """C12: above all `accepted`, which the assignment tells (A6)."""
    event = JobStatusChanged(**ABOUT, job=job(status=status), previous="pending")
    assert notifications(event, NOW) == []


@pytest.mark.parametrize(
    ("reason", "body"),
    [
        (SearchFailure.max_tries, "Maximum retry attempts reached"),
        (SearchFailure.none_in_area, "No pilots available in your area"),
        (SearchFailure.unknown_service_type, "This service is not available at the moment"),
    ],
)
def test_the_customer_is_told_why_a_search_failed(reason: SearchFailure, body: str) -> None:
    """B8: the message to the letter."""
    one = told(SearchFailed(**SEARCH, reason=reason, tried=10))
    assert (one.recipient, one.title, one.body) == ("customer", "No Driver Found", body)
    assert one.data == {"job_id": str(JOB_ID), "type": "job_update", "status": "unfulfilled"}


def test_the_customer_is_told_that_a_search_timed_out() -> None:
    """B9: the message to the letter."""
    one = told(SearchTimedOut(**SEARCH, tried=3))
    assert (one.recipient, one.title) == ("customer", "No Driver Found")
    assert one.body == "No drivers available at the moment. Would you like to try again?"
    assert one.data == {"job_id": str(JOB_ID), "type": "job_update", "status": "unfulfilled"}


@pytest.mark.parametrize(
    ("driver", "by", "recipients"),
    [
        ("driver", "user", ["driver"]),
        (None, "user", []),
        ("driver", "admin", ["driver", "customer"]),
        (None, "admin", ["customer"]),
    ],
)
def test_a_cancelled_job_is_told_to_whoever_did_not_cancel_it(
    driver: str | None, by: str, recipients: list[str]
) -> None:
    """B11: the driver who has the job is told."""
    event = JobCancelled(**ABOUT, driver_id=driver, job=job(status="cancelled"), cancelled_by=by)
    found = notifications(event, NOW)
    assert [one.recipient for one in found] == recipients
    for one in found:
        assert (one.title, one.body) == ("Job Cancelled", "This job has been cancelled")
        assert one.data == {"job_id": str(JOB_ID), "type": "job_update", "status": "cancelled"}


def test_what_concerns_no_phone_is_not_told() -> None:
    assert notifications(JobCreated(**ABOUT, job=job()), NOW) == []
    assert notifications(offer(driver_id=None), NOW) == []
