"""CloudEvents 1.0 in NATS binary mode: attributes as `ce-` headers, the event as JSON body."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from opentelemetry import propagate
from pydantic import ValidationError

from contracts.events import BY_TYPE, Event
from contracts.ids import new_id

MESSAGE_ID = "Nats-Msg-Id"


class UndecodableError(Exception):
    """The message can never be applied: not a CloudEvent, of an unknown type, or not of its shape."""


@dataclass(frozen=True)
class Letter:
    """An event on its way: where to, with which headers, and the bytes."""

    id: UUID
    subject: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Received:
    """An event that came, with the id that its sender gave it."""

    id: UUID
    event: Event
    time: datetime


def seal(event: Event, now: datetime | None = None) -> Letter:
    """Wrap `event`, with the trace that it belongs to. The id is also JetStream's, so a resend is dropped."""
    letter_id = new_id()
    headers = {
        "ce-specversion": "1.0",
        "ce-id": str(letter_id),
        "ce-type": event.type,
        "ce-source": event.source,
        "ce-time": (now or datetime.now(UTC)).isoformat(),
        "ce-datacontenttype": "application/json",
        MESSAGE_ID: str(letter_id),
    }
    propagate.inject(headers)
    return Letter(letter_id, event.subject(), headers, event.model_dump_json().encode())


def letter_id(headers: Mapping[str, str] | None) -> UUID | None:
    """What its sender called it; None if that cannot be told."""
    try:
        return UUID((headers or {}).get("ce-id", ""))
    except ValueError:
        return None


def unseal(headers: Mapping[str, str] | None, body: bytes) -> Received:
    """The event in a message. UndecodableError says what is wrong with it."""
    headers = headers or {}
    event_type = BY_TYPE.get(headers.get("ce-type", ""))
    if event_type is None:
        raise UndecodableError(f"unknown event type {headers.get('ce-type')!r}")
    try:
        return Received(
            id=UUID(headers.get("ce-id", "")),
            event=event_type.model_validate_json(body),
            time=_time(headers.get("ce-time", "")),
        )
    except ValidationError as error:
        raise UndecodableError(f"not a {event_type.type}: {error.errors(include_url=False)}") from error
    except ValueError as error:
        raise UndecodableError(f"bad CloudEvents attribute: {error}") from error


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"ce-time without an offset: {text!r}")
    return time
