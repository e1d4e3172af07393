"""The table of `outgoing.py`, section B: names, keys and texts to the letter."""

import pytest

from contracts import events as happened
from contracts.models import DriverCard, JobStatus

from . import made
from .saying import said


def test_creating_a_job_tells_the_customer_that_a_driver_is_looked_for() -> None:
    """B1: `booking:created`, then `booking:search_started`."""
    job = made.job()
    assert said(made.created(job)) == [
        (
            {"user:ann"},
            "booking:created",
            {
                "bookingId": str(job.id),
                "bookingNumber": "W-1001",
                "status": "pending",
                "message": "Booking created! Finding a driver...",
            },
        )
    ]
    assert said(made.started(job)) == [
        (
            {"user:ann"},
            "booking:search_started",
            {"bookingId": str(job.id), "message": "Finding a driver for you..."},
        )
    ]


def test_a_later_search_says_that_it_searches_again() -> None:
    """B10"""
    job = made.job()
    [(_, name, payload)] = said(made.started(job, attempt=2))
    assert (name, payload["message"]) == ("booking:search_started", "Searching for drivers again...")


def test_an_exclusive_offer_goes_to_the_driver_with_all_that_the_app_shows() -> None:
    """B2, B15: `booking:offer`; B3: `booking:offer_sent` with the number of the driver tried."""
    job = made.job()
    offer = made.offer(job, number=3)
    assert said(offer) == [
        (
            {"pilot:dan"},
            "booking:offer",
            {
                "bookingId": str(job.id),
                "bookingNumber": "W-1001",
                "status": "pending",
                "serviceType": "courier",
                "vehicleType": "van",
                "pickup": {"address": "1 Main St", "lat": 40.75, "lng": -73.99},
                "dropoff": {"address": "9 Dock Rd", "lat": 40.70, "lng": -74.01},
                "items": {"boxes": 3},
                "notes": "ring twice",
                "totalPrice": 42.5,
                "paymentMethod": "cash",
                "cashToCollect": 42.5,
                "pilot": None,
                "createdAt": made.AT_TEXT,
                "updatedAt": made.AT_TEXT,
                "offerId": str(offer.offer_id),
                "expiresAt": made.LATER_TEXT,
            },
        ),
        (
            {"user:ann"},
            "booking:offer_sent",
            {"bookingId": str(job.id), "pilotNumber": 3, "message": "Offer sent to driver 3..."},
        ),
    ]


def test_an_expired_offer_is_told_to_driver_and_customer() -> None:
    """B4"""
    job = made.job()
    assert said(made.offer_end(happened.OfferExpired, job)) == [
        ({"pilot:dan"}, "offer:expired", {"bookingId": str(job.id)}),
        (
            {"user:ann"},
            "booking:offer_expired",
            {
                "bookingId": str(job.id),
                "message": "Driver did not respond. Finding another driver...",
            },
        ),
    ]


def test_a_declined_offer_is_told_to_the_customer() -> None:
    """B5"""
    job = made.job()
    assert said(made.offer_end(happened.OfferDeclined, job)) == [
        (
            {"user:ann"},
            "booking:offer_declined",
            {"bookingId": str(job.id), "message": "Driver declined. Finding another driver..."},
        )
    ]


@pytest.mark.parametrize("kind", [happened.OfferExpired, happened.OfferDeclined])
def test_the_end_of_a_shared_offer_is_no_news_for_the_customer(kind: type[happened.OfferEvent]) -> None:
    """A1, B4, B5: only a cascade counts drivers one by one."""
    said_to = {who for whom, _, _ in said(made.offer_end(kind, made.job(), exclusive=False)) for who in whom}
    assert "user:ann" not in said_to


def test_a_shared_offer_that_lapses_leaves_its_drivers_screen() -> None:
    """E5: a group's offer has an end of its own, before the job is anybody's."""
    job = made.job()
    assert said(made.offer_end(happened.OfferExpired, job, exclusive=False)) == [
        ({"pilot:dan"}, "offer:expired", {"bookingId": str(job.id)})
    ]


def test_an_acceptance_is_told_to_customer_booking_room_and_admins() -> None:
    """B7, A6, A7"""
    job = made.job()
    assert said(made.assigned(job)) == [
        (
            {"user:ann"},
            "booking:driver_assigned",
            {
                "bookingId": str(job.id),
                "pilot": {
                    "id": "dan",
                    "name": "Dan",
                    "phone": "+1555",
                    "avatar": "https://a/dan.png",
                    "rating": 4.9,
                },
                "message": "Dan has accepted your booking!",
            },
        ),
        (
            {f"booking:{job.id}"},
            "job:driver-assigned",
            {
                "job_id": str(job.id),
                "driver": {
                    "id": "dan",
                    "name": "Dan",
                    "truck_type": "box truck",
                    "avg_rating": 4.9,
                    "total_jobs": 12,
                },
            },
        ),
        (
            {"admin:assignments"},
            "booking:assigned",
            {"bookingId": str(job.id), "pilotId": "dan", "pilotName": "Dan"},
        ),
        (
            {"admin:assignments"},
            "admin:job-status",
            {"job_id": str(job.id), "status": "accepted", "driver_id": "dan"},
        ),
    ]


def test_admins_are_told_of_a_taken_job_with_the_same_payload_as_the_drivers() -> None:
    """A7"""
    job = made.job()
    [(_, _, to_drivers)] = said(made.feed_closed(job, "dan"))
    [to_admins] = [payload for _, name, payload in said(made.assigned(job)) if name == "admin:job-status"]
    assert to_admins == to_drivers


def test_what_is_not_known_of_a_driver_is_null_and_not_left_out() -> None:
    """B7, A6"""
    event = made.assigned(made.job()).model_copy(update={"driver": DriverCard(id="dan", name="Dan")})
    told = {name: payload for _, name, payload in said(event)}
    unknown = {"phone": None, "avatar": None, "rating": None}
    assert told["booking:driver_assigned"]["pilot"] == {"id": "dan", "name": "Dan", **unknown}
    assert told["job:driver-assigned"]["driver"] == {
        "id": "dan",
        "name": "Dan",
        "truck_type": None,
        "avg_rating": None,
        "total_jobs": 0,
    }


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        (happened.SearchFailure.max_tries, "Maximum retry attempts reached"),
        (happened.SearchFailure.none_in_area, "No pilots available in your area"),
        (happened.SearchFailure.unknown_service_type, "This service is not available"),
    ],
)
def test_a_failed_search_says_why(reason: happened.SearchFailure, message: str) -> None:
    """B8"""
    job = made.job()
    assert said(made.failed(job, reason)) == [
        (
            {"user:ann"},
            "booking:no_pilots",
            {"bookingId": str(job.id), "message": message, "canRetry": True, "canCancel": True},
        ),
        (
            {"admin:assignments"},
            "booking:no_pilots",
            {"bookingId": str(job.id), "reason": message, "triedPilots": 10},
        ),
    ]


def test_every_reason_for_failing_has_its_text() -> None:
    """B8"""
    for reason in happened.SearchFailure:
        assert said(made.failed(made.job(), reason))[0][2]["message"]


def test_a_search_that_timed_out_offers_to_try_again() -> None:
    """B9"""
    job = made.job()
    assert said(made.timed_out(job)) == [
        (
            {"user:ann"},
            "booking:search_timeout",
            {
                "bookingId": str(job.id),
                "message": "No drivers available at the moment. Would you like to try again?",
                "canRetry": True,
                "canCancel": True,
            },
        ),
        (
            {"admin:assignments"},
            "booking:search_timeout",
            {"bookingId": str(job.id), "triedPilots": 4},
        ),
    ]


def test_a_driver_that_loses_an_offer_or_a_job_is_told() -> None:
    """B11, B9"""
    job = made.job()
    assert said(made.offer_end(happened.OfferWithdrawn, job, reason="job_cancelled")) == [
        ({"pilot:dan"}, "offer:withdrawn", {"bookingId": str(job.id), "reason": "job_cancelled"})
    ]
    assert said(made.released(job)) == [
        ({"pilot:dan"}, "booking:released", {"bookingId": str(job.id), "reason": "job_cancelled"})
    ]


def test_a_cancelled_job_changes_its_status_for_all_its_people() -> None:
    """B11, C8"""
    job = made.job()
    assert [(to, name, payload["status"]) for to, name, payload in said(made.cancelled(job, "dan"))] == [
        ({f"booking:{job.id}"}, "job:status", JobStatus.cancelled),
        ({f"booking:{job.id}", "user:ann", "pilot:dan"}, "booking:status", JobStatus.cancelled),
    ]
