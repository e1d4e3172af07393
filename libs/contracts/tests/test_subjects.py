from collections.abc import Callable
from uuid import UUID

import pytest

from contracts.events import (
    EVENTS,
    DispatchEvent,
    DriverStatusChanged,
    Event,
    JobCreated,
    NotificationCreated,
)
from contracts.ids import to_token
from contracts.models import Job
from contracts.requests import FindDriver
from contracts.subjects import (
    Address,
    all_of,
    notifications_of,
    of_customer,
    of_driver,
    of_job,
    parse_dispatch,
)

DISPATCH = [event for event in EVENTS if issubclass(event, DispatchEvent)]
Make = Callable[..., Event]


def matches(pattern: str, subject: str) -> bool:
    """NATS's rule: `*` one token, `>` the rest."""
    wanted, tokens = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        return len(tokens) >= len(wanted) and matches(
            ".".join(wanted[:-1]), ".".join(tokens[: len(wanted) - 1])
        )
    return len(wanted) == len(tokens) and all(w in ("*", t) for w, t in zip(wanted, tokens, strict=True))


@pytest.mark.parametrize("event", DISPATCH, ids=lambda event: event.type)
@pytest.mark.parametrize("driver", [None, "driver.7", "_", "*", "🐝"])
def test_subject_of_a_dispatch_event_says_whom_it_concerns(
    event: type[DispatchEvent], driver: str | None, make: Make, job: Job
) -> None:
    """E3: addressed by job, customer and driver."""
    subject = make(event, driver_id=driver).subject()
    assert parse_dispatch(subject) == Address(event.type, job.id, job.customer_id, driver)
    assert matches(all_of(event), subject)
    assert matches(of_job(job.id), subject)
    assert matches(of_customer(job.customer_id), subject)
    assert matches(of_driver("driver.7"), subject) == (driver == "driver.7")
    assert not matches(of_customer("somebody else"), subject)


def test_job_without_a_driver_is_nobodys() -> None:
    """E3: the placeholder is not the token of any driver, also not of one called `_`."""
    assert not matches(of_driver("_"), f"job.created.{UUID(int=1)}.c._")


def test_other_events_are_addressed_to_one_person(make: Make) -> None:
    token = to_token("driver.7")
    assert make(DriverStatusChanged, driver_id="driver.7").subject() == f"driver.status.{token}"
    assert make(NotificationCreated).subject() == f"notification.created.{token}"
    assert make(NotificationCreated).subject() == notifications_of("driver.7")


def test_the_edge_that_holds_a_drivers_socket_hears_when_it_is_looked_for() -> None:
    """C5, E3: by the subscription that brings the driver's events; no further one for each driver."""
    assert matches(of_driver("driver.7"), FindDriver(driver_id="driver.7").subject())
    assert not matches(of_driver("driver.8"), FindDriver(driver_id="driver.7").subject())
    assert not matches(of_customer("_"), FindDriver(driver_id="driver.7").subject())


def test_event_without_an_address_cannot_be_published() -> None:
    with pytest.raises(TypeError, match="Event is not addressed"):
        Event().subject()


@pytest.mark.parametrize(
    "subject",
    [
        "$JS.API.DIRECT.GET.X",
        "$JS.ACK.DISPATCH.push.1",
        "_INBOX.a.b.c.d",
        "job.created.not-a-uuid.c.d",
        f"job.created.{UUID(int=1)}.c",
        f"job.created.{UUID(int=1)}.c.d.e",
        f"job.created.{UUID(int=1)}..d",
        f"job.created.{UUID(int=1)}.=zz.d",
        f"job.created.{UUID(int=1)}._.d",
        f"job.sung.{UUID(int=1)}.c.d",
        f"driver.status.{UUID(int=1)}.c.d",
        "driver.location.8a.d",
        "",
    ],
)
def test_any_other_subject_has_no_address(subject: str) -> None:
    """A filter of five stars sees the bus's own subjects too."""
    assert parse_dispatch(subject) is None


def test_fields_of_a_newer_sender_are_ignored(make: Make) -> None:
    """Contracts change by addition: an older reader does not mind."""
    body = make(JobCreated).model_dump_json().replace('{"job_id"', '{"mood":"good","job_id"', 1)
    assert '"mood"' in body
    assert JobCreated.model_validate_json(body) == make(JobCreated)
