"""What the load says on the bus, written once by our own contracts, with marks where numbers go.

The load (`load/*.c`) puts the index of a socket in place of `############` and a running number in place of
`@@@@@@@@@@@@`; both have the length of what they replace, so the lengths that NATS is told stay right.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from contracts.events import DriverState, Event, FeedClosed, JobTracked, NotificationCreated
from contracts.models import Job, JobStatus
from contracts.requests import DriverView, OpenBookings
from contracts.subjects import live, live_track
from wire.envelope import MESSAGE_ID, seal

WHO, SERIAL = "999999999999", "888888888888"
WHO_MARK, SERIAL_MARK = b"############", b"@@@@@@@@@@@@"
WHOS_JOB = UUID(f"00000000-0000-4000-8000-{WHO}")
SERIAL_ID = UUID(f"00000000-0000-4000-8000-{SERIAL}")
DRIVER, CUSTOMER = f"driver-{WHO}", f"customer-{WHO}"


def write(folder: Path) -> None:
    """A file each."""
    now = datetime.now(UTC)
    for name, form in {**_answers(now), **_events(now)}.items():
        marked = form.replace(WHO.encode(), WHO_MARK).replace(SERIAL.encode(), SERIAL_MARK)
        (folder / name).write_bytes(marked)


def _answers(now: datetime) -> dict[str, bytes]:
    """Bodies of the answers of booking and matching."""
    view = DriverView(driver_id=DRIVER, state=DriverState.available, approved=True)
    job = Job(
        id=WHOS_JOB,
        number="BK-1",
        customer_id=CUSTOMER,
        service_type="courier",
        status=JobStatus.en_route,
        version=3,
        total_price=Decimal(12),
        created_at=now,
        updated_at=now,
    )
    answers = {
        "driver_online": view,
        "driver_offline": view.model_copy(update={"state": DriverState.offline}),
        "no_bookings": OpenBookings(jobs=[]),
        "one_booking": OpenBookings(jobs=[job]),
    }
    return {name: answer.model_dump_json().encode() for name, answer in answers.items()}


def _events(now: datetime) -> dict[str, bytes]:
    """Publications. Stored events are said as the stream says them again once it has them on its disk, which
    would be the limit of every edge alike."""
    told = NotificationCreated(
        notification_id=SERIAL_ID,
        user_id=DRIVER,
        title="Your job",
        body="The customer waits at the door",
        kind="job_update",
        data={"job_id": str(SERIAL_ID)},
        created_at=now,
    )
    closed = FeedClosed(
        job_id=SERIAL_ID,
        customer_id="customer-elsewhere",
        driver_id="driver-elsewhere",
        search_id=SERIAL_ID,
        attempt=1,
        status=JobStatus.accepted,
    )
    track = JobTracked(
        job_id=WHOS_JOB, driver_id=DRIVER, lat=40.7, lng=-73.9, heading=90.0, speed=8.5, recorded_at=now
    )
    return {
        "notification": _republished(told),
        "feed_closed": _republished(closed),
        "position": _published(live_track(WHOS_JOB), {}, track.model_dump_json().encode()),
    }


def _republished(event: Event) -> bytes:
    letter = seal(event)
    headers = letter.headers | {
        "ce-id": str(SERIAL_ID),
        MESSAGE_ID: str(SERIAL_ID),
        "Nats-Stream": "DISPATCH",
        "Nats-Subject": letter.subject,
        "Nats-Sequence": SERIAL,
        "Nats-Time-Stamp": letter.headers["ce-time"],
        "Nats-Last-Sequence": "0",
    }
    return _published(live(letter.subject), headers, letter.body)


def _published(subject: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """`PUB` or `HPUB`, as a client of NATS says it."""
    if not headers:
        return b"PUB %s %d\r\n%s\r\n" % (subject.encode(), len(body), body)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"NATS/1.0\r\n{lines}\r\n".encode()
    return b"HPUB %s %d %d\r\n%s%s\r\n" % (subject.encode(), len(head), len(head) + len(body), head, body)
