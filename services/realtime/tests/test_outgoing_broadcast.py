"""The table of `outgoing.py`, sections A and C: names, keys and texts to the letter."""

import json
from datetime import timedelta, timezone

from contracts.events import (
    EVENTS,
    DriverDisconnected,
    DriverStatusChanged,
    IdentityRevoked,
    JobTracked,
)
from contracts.models import JobStatus
from contracts.service_types import ServiceTypeChanged
from realtime.outgoing import OUTGOING

from . import made
from .saying import said


def test_a_broadcast_job_is_shown_to_the_driver_as_the_job_itself() -> None:
    """A1, B15: `job:new`, snake_case, with the position of the pickup; nobody else hears of it."""
    job = made.job(address="1 Main St, Hoboken", requested_driver_id="rick")
    assert said(made.offer(job, exclusive=False)) == [
        (
            {"pilot:dan"},
            "job:new",
            {
                "id": str(job.id),
                "number": "W-1001",
                "customer_id": "ann",
                "service_type": "courier",
                "vehicle_type": "van",
                "status": "pending",
                "address": "1 Main St, Hoboken",
                "lat": 40.75,
                "lng": -73.99,
                "pickup": {"address": "1 Main St", "lat": 40.75, "lng": -73.99},
                "dropoff": {"address": "9 Dock Rd", "lat": 40.70, "lng": -74.01},
                "items": {"boxes": 3},
                "notes": "ring twice",
                "total_price": 42.5,
                "payment_method": "cash",
                "cash_to_collect": 42.5,
                "created_at": made.AT_TEXT,
                "updated_at": made.AT_TEXT,
                "expires_at": None,
            },
        )
    ]


def test_a_job_without_a_location_is_shown_without_one() -> None:
    """A3"""
    [(_, name, payload)] = said(made.offer(made.job(pickup=None, address="?"), exclusive=False))
    assert (name, payload["address"], payload["lat"], payload["lng"]) == ("job:new", "?", None, None)


def test_the_address_of_a_job_is_that_of_its_pickup_unless_it_has_its_own() -> None:
    """A1"""
    [(_, _, payload)] = said(made.offer(made.job(), exclusive=False))
    assert payload["address"] == "1 Main St"


def test_a_job_that_is_taken_leaves_the_feed_of_every_online_driver() -> None:
    """A7"""
    job = made.job()
    assert said(made.feed_closed(job)) == [
        (
            {"pilots:online"},
            "job:accepted",
            {"job_id": str(job.id), "status": "accepted", "driver_id": "dan"},
        )
    ]


def test_a_job_that_left_the_feed_untaken_is_closed_not_accepted() -> None:
    """A7, A14"""
    job = made.job()
    assert said(made.feed_closed(job, None, JobStatus.cancelled)) == [
        ({"pilots:online"}, "job:closed", {"job_id": str(job.id), "status": "cancelled", "driver_id": None})
    ]


def test_a_change_of_status_goes_to_the_job_room_and_to_its_people() -> None:
    """A8, C8, C12"""
    job = made.job(status=JobStatus.arrived, updated_at=made.LATER)
    room = f"booking:{job.id}"
    assert said(made.status(job)) == [
        (
            {room},
            "job:status",
            {
                "job_id": str(job.id),
                "status": "arrived",
                "driver_id": "dan",
                "updated_at": made.LATER_TEXT,
            },
        ),
        (
            {room, "user:ann", "pilot:dan"},
            "booking:status",
            {"bookingId": str(job.id), "status": "arrived", "timestamp": made.LATER_TEXT},
        ),
    ]


def test_a_change_of_status_without_a_driver_concerns_no_driver() -> None:
    """C8"""
    job = made.job(status=JobStatus.unfulfilled)
    assert said(made.status(job, None))[1][0] == {f"booking:{job.id}", "user:ann"}


def test_a_job_that_is_searched_for_again_is_pending_again_for_its_customer() -> None:
    """A8, C8, B10"""
    job = made.job(attempt=2, updated_at=made.LATER)
    room = f"booking:{job.id}"
    status = {"job_id": str(job.id), "status": "pending", "driver_id": None, "updated_at": made.LATER_TEXT}
    again = {"bookingId": str(job.id), "status": "pending", "timestamp": made.LATER_TEXT}
    assert said(made.retried(job)) == [
        ({room}, "job:status", status),
        ({room, "user:ann"}, "booking:status", again),
    ]


def test_times_are_told_in_utc_whatever_zone_they_came_in() -> None:
    """C8"""
    east = timezone(timedelta(hours=5, minutes=30))
    [_, (_, _, payload)] = said(made.status(made.job(updated_at=made.LATER.astimezone(east))))
    assert payload["timestamp"] == made.LATER_TEXT


def test_a_position_goes_to_the_booking_room_alone() -> None:
    """C3"""
    job = made.job()
    assert said(made.tracked(job.id)) == [
        (
            {f"booking:{job.id}"},
            "location:update",
            {
                "bookingId": str(job.id),
                "lat": 40.7,
                "lng": -74.0,
                "heading": 90.0,
                "speed": 8.5,
                "timestamp": made.AT_TEXT,
            },
        )
    ]


def test_a_notification_goes_to_its_user_or_driver() -> None:
    """C10"""
    event = made.notification("ann")
    assert said(event) == [
        (
            {"user:ann", "pilot:ann"},
            "notification",
            {
                "id": str(event.notification_id),
                "title": "Hello",
                "body": "World",
                "type": "job_update",
                "data": {"job_id": "j"},
                "createdAt": made.AT_TEXT,
            },
        )
    ]


def test_every_event_of_the_contract_has_its_line_but_a_drivers_comings_and_goings() -> None:
    """A, B, C: a new event is not forgotten here. A revocation ends sockets, and is told in ending them;
    how service types are set up is no app's business."""
    not_told = {DriverStatusChanged, DriverDisconnected, IdentityRevoked, ServiceTypeChanged}
    assert set(OUTGOING) == {*EVENTS, JobTracked} - not_told


def test_what_is_said_can_be_written_as_json() -> None:
    """C1"""
    job = made.job(driver=made.card())
    for event in (made.offer(job), made.offer(job, exclusive=False), made.status(job), made.assigned(job)):
        for _, _, payload in said(event):
            json.dumps(payload, allow_nan=False)
