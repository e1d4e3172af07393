"""Events of the bus as facts for the dashboard, decoded no further than it needs."""

from datetime import datetime

import msgspec
from nats.aio.msg import Msg

from contracts.events import (
    AssignmentCreated,
    DriverStatusChanged,
    JobCancelled,
    JobCreated,
    JobRetried,
    JobStatusChanged,
    SearchFailed,
    SearchStarted,
    SearchTimedOut,
)
from realtime.dashboard import DriverTold, Fact, JobTold, SearchBegan, SearchEnded

ABOUT_JOBS = ("job.>", "search.>", f"{AssignmentCreated.type}.>")
"""On DISPATCH."""
ABOUT_DRIVERS = (f"{DriverStatusChanged.type}.>",)
"""On DRIVERS. All of them: a driver's last one need not be its newest."""


class _Job(msgspec.Struct):
    version: int
    status: str


class _OfJob(msgspec.Struct):
    job: _Job


class _OfSearch(msgspec.Struct):
    attempt: int


class _OfDriver(msgspec.Struct):
    state: str
    version: int


_job = msgspec.json.Decoder(_OfJob)
_search = msgspec.json.Decoder(_OfSearch)
_driver = msgspec.json.Decoder(_OfDriver)

_JOB_EVENTS = {event.type for event in (JobCreated, JobRetried, JobCancelled, JobStatusChanged)}
_ENDS = {AssignmentCreated.type: True, SearchFailed.type: False, SearchTimedOut.type: False}


def fact_of(message: Msg) -> Fact | None:
    """None for an event that changes no figure. ValueError (msgspec's errors are) for what is no event."""
    headers = message.headers or {}
    tokens = headers.get("Nats-Subject", message.subject).split(".")  # a direct get comes to an inbox
    kind, who = ".".join(tokens[:2]), tokens[2] if tokens[2:] else ""
    if kind in _JOB_EVENTS:
        job = _job.decode(message.data).job
        return JobTold(who, job.version, job.status, _time(headers))
    if kind == SearchStarted.type:
        return SearchBegan(who, _search.decode(message.data).attempt, _time(headers))
    if kind in _ENDS:
        return SearchEnded(who, _search.decode(message.data).attempt, _ENDS[kind], _time(headers))
    if kind == DriverStatusChanged.type:
        driver = _driver.decode(message.data)
        return DriverTold(who, driver.version, driver.state, _time(headers))
    return None


def _time(headers: dict[str, str]) -> datetime:
    time = datetime.fromisoformat(headers.get("ce-time", ""))
    if time.tzinfo is None:
        raise ValueError("ce-time without an offset")
    return time
