"""Everything that crosses the bus, in one list: what golden files and the AsyncAPI document are made from."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from contracts.events import EVENTS, DriverLocated, Event, JobTracked
from contracts.models import Model
from contracts.replicas import LookWanted, MapPart, MapWanted, RegionsChanged
from contracts.requests import REQUESTS, FindDriver, FindEdge, Present, Problem
from contracts.sessions import SessionRooms
from contracts.subjects import live_track, recorded_track, session_rooms

PARAMETERS = {
    "job_id": "The job, a UUIDv7",
    "customer_id": "The job's customer, as a token (contracts.ids.to_token)",
    "driver_id": "The driver concerned, as a token; `_` where there is none",
    "user_id": "A customer or driver, as a token",
    "subject_id": "Whom tokens name as their `sub`, as a token",
    "edge_id": "An edge process, by the id that it gave itself",
    "pid": "A client's session id, as Socket.IO's connection state recovery has it",
    "service_type": "A service type's name, as a token",
    "cell": "The coarse H3 cell that regions are made of",
}
"""What may stand in a subject, by name."""
_SAMPLES: dict[str, Any] = {name: name.replace("_", "-") for name in PARAMETERS}


class Contract(NamedTuple):
    """One kind of message. `subject` has its parameters in braces; it is empty for the refusal, which
    goes to the asker's inbox."""

    name: str
    subject: str
    message: type[Model]
    reply: type[Model] | None = None


def catalog() -> Iterator[Contract]:
    """Events, positions (core NATS), requests with their replies, and the refusal."""
    for event in EVENTS:
        yield Contract(event.type, _template(_sample(event).subject()), event)
    located = DriverLocated.model_construct(**_SAMPLES)
    yield Contract("driver.location", _template(located.subject(_SAMPLES["cell"])), DriverLocated)
    for name, track in (("tracking.live", live_track), ("tracking.recorded", recorded_track)):
        yield Contract(name, _template(track(_SAMPLES["job_id"])), JobTracked)
    yield Contract("session.rooms", _template(session_rooms(_SAMPLES["pid"])), SessionRooms)
    for question in (FindDriver, FindEdge):
        asked = question.model_construct(**_SAMPLES)
        name = ".".join(asked.subject().split(".")[:2])
        yield Contract(name, _template(asked.subject()), question, Present)
    for request in REQUESTS:
        yield Contract(request.subject, request.subject, cast("type[Model]", request), request.reply)
    yield Contract("matching.look", _template(LookWanted.subject(_SAMPLES["cell"])), LookWanted)
    yield Contract("matching.map", MapWanted.subject, MapWanted, MapPart)
    yield Contract("matching.regions.changed", RegionsChanged.subject, RegionsChanged)
    yield Contract("problem", "", Problem)


def _sample(event: type[Event]) -> Event:
    known = {name: value for name, value in _SAMPLES.items() if name in event.model_fields}
    return event.model_construct(**known)


def _template(subject: str) -> str:
    names = {sample: f"{{{name}}}" for name, sample in _SAMPLES.items()}
    return ".".join(names.get(token, token) for token in subject.split("."))
