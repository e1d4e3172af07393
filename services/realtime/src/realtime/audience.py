"""Which room hears of an event: event → room name, or None where nobody is concerned."""

from collections.abc import Callable
from typing import Any

from contracts.events import DispatchEvent, JobTracked, NotificationCreated
from realtime import rooms

Audience = Callable[[Any], str | None]


def customer(event: DispatchEvent) -> str:
    return rooms.customer_name(event.customer_id)


def driver(event: DispatchEvent) -> str | None:
    return rooms.driver_name(event.driver_id) if event.driver_id else None


def booking(event: DispatchEvent | JobTracked) -> str:
    return rooms.booking_name(event.job_id)


def online_drivers(_event: object) -> str:
    return rooms.ONLINE_DRIVERS.name


def admins(_event: object) -> str:
    return rooms.ASSIGNMENTS.name


def as_customer(event: NotificationCreated) -> str:
    return rooms.customer_name(event.user_id)


def as_driver(event: NotificationCreated) -> str:
    return rooms.driver_name(event.user_id)
