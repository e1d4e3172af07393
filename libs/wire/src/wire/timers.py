"""Durable deadlines: messages that NATS keeps and delivers at their time (ADR-51 of nats-server).

The database row is the truth; the message only wakes a handler that reads the row again. So early, late,
twice or never is harmless, and a sweep in the service catches the never.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from nats.aio.client import Client
from nats.js import JetStreamContext
from opentelemetry import propagate

from contracts.ids import new_id
from contracts.subjects import due, timer
from wire.envelope import MESSAGE_ID, Letter
from wire.publish import PUBLISH_TIMEOUT
from wire.refusals import unless_refused

PURGE = "Waggle-Purge"
"""Marks an outbox letter that asks for its subject's schedule to be cancelled instead of published."""
NOTHING = {"Nats-Rollup": "sub", "Nats-TTL": "1s"}
"""Takes the place of what the subject has (`Nats-Rollup`), and then goes, too."""


@dataclass(frozen=True)
class Schedule:
    """`due.<kind>.<subject_id>` is to be announced `at` this time."""

    kind: str
    subject_id: UUID
    at: datetime


@dataclass(frozen=True)
class Cancellation:
    """The deadline of this subject no longer matters."""

    kind: str
    subject_id: UUID


def schedule_letter(wanted: Schedule) -> Letter:
    """The schedule as a message. A later one of the same subject replaces it."""
    letter_id = new_id()
    headers = {
        "Nats-Schedule": f"@at {wanted.at.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%S.%fZ')}",
        "Nats-Schedule-Target": due(wanted.kind, wanted.subject_id),
        MESSAGE_ID: str(letter_id),
    }
    propagate.inject(headers)  # the server hands it on: what is found at the deadline is of the same trace
    body = str(wanted.subject_id).encode()
    return Letter(letter_id, timer(wanted.kind, wanted.subject_id), headers, body)


def cancel_letter(unwanted: Cancellation) -> Letter:
    """The cancellation, to go through the outbox like the schedule did."""
    letter_id = new_id()
    return Letter(letter_id, timer(unwanted.kind, unwanted.subject_id), {PURGE: "1"}, b"")


async def schedule(js: JetStreamContext, wanted: Schedule) -> None:
    """Set a deadline that no database row stands behind."""
    letter = schedule_letter(wanted)
    await js.publish(letter.subject, letter.body, headers=dict(letter.headers))


async def cancel(nc: Client, subject: str) -> None:
    """Replace the schedule that waits on `subject`, if it still does, by nothing.

    Not a purge: who may purge a subject of a stream may purge all of it.
    """
    async with unless_refused(nc, subject):
        await nc.jetstream().publish(subject, headers=NOTHING, timeout=PUBLISH_TIMEOUT)
