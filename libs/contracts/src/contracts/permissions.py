"""What each NATS user may publish and subscribe to: as little as the contracts allow, and derived from them.

nats-server takes a publication if a pattern matches its subject, and a subscription if one covers all of it
(docs: "Authorization"). Whatever no pattern allows is refused.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from contracts.access import (
    ASKERS,
    BOOTSTRAP,
    FOLLOWERS,
    LISTENERS,
    MEASURERS,
    PUBLISHERS,
    READERS,
    RECOVERY,
    SERVICES,
    Services,
)
from contracts.catalog import catalog
from contracts.events import BY_TYPE, EVENTS
from contracts.requests import REQUESTS
from contracts.streams import CONSUMERS, DISPATCH, RETIRED, STREAMS, Consumer
from contracts.subjects import dead_letter, live

USERS = (*SERVICES, BOOTSTRAP, RECOVERY)

API = "$JS.API"
_TIMERS = "TIMERS"
_ADDRESSED = "*.*.*.*.*"
"""What `of_customer`, `of_driver` and `of_job` are forms of."""


@dataclass(frozen=True)
class Permissions:
    """Patterns that nats-server allows, in order of the alphabet.

    `answers`: it may also reply, once, to whatever asks it, so nobody needs a right to others' inboxes.
    """

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    answers: bool


def inbox_of(user: str) -> str:
    """The prefix of the subjects on which this user, and nobody else, is answered."""
    return f"_INBOX_{user}"


def permissions_of(user: str) -> Permissions:
    """ValueError for a user there is not."""
    inbox = f"{inbox_of(user)}.>"
    if user == BOOTSTRAP:
        return Permissions(_sorted(_declares()), (inbox,), answers=False)
    if user == RECOVERY:
        return Permissions(_sorted(_reads(user)), (inbox,), answers=False)
    if user not in SERVICES:
        raise ValueError(f"no user {user!r}")
    # Its own inbox: lest the server remembers, as questions to be answered, events that it hears of itself.
    publishes = (inbox, *_tells(user), *_asks(user), *_consumes(user), *_reads(user))
    return Permissions(_sorted(publishes), _sorted((inbox, *_hears(user))), answers=True)


def owner_of(consumer: Consumer) -> str:
    """The service that reads by it: its name is `<service>` or `<service>-<purpose>`, or else ValueError."""
    service = consumer.durable.partition("-")[0]
    if service not in SERVICES:
        raise ValueError(f"the consumer {consumer.durable} is named after no service")
    return service


def _sorted(patterns: Iterator[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(patterns)))


def _of(table: Mapping[str, Services], service: str) -> list[str]:
    return [name for name, services in table.items() if service in services]


def _patterns() -> dict[str, str]:
    """By name in the catalogue: the subject, with `*` for each parameter."""
    return {one.name: re.sub(r"\{\w+\}", "*", one.subject) for one in catalog()}


def _tells(service: str) -> Iterator[str]:
    """Its own events, and what is none: positions, presence, regions."""
    patterns = _patterns()
    for event in EVENTS:
        if event.source == f"/waggle/{service}":
            yield patterns[event.type]
    for name in _of(PUBLISHERS, service):
        yield patterns[name]


def _asks(service: str) -> Iterator[str]:
    for request, services in ASKERS.items():
        if service in services:
            yield request.subject


def _consumes(service: str) -> Iterator[str]:
    """Its consumers: asking for messages, answering for them, and where those go that it cannot apply.

    Of deadlines that it hears it may set and cancel the timers, of others' not.
    """
    for consumer in CONSUMERS:
        if owner_of(consumer) != service:
            continue
        stream, durable = consumer.stream, consumer.durable
        yield f"{API}.CONSUMER.MSG.NEXT.{stream}.{durable}"
        yield f"{API}.CONSUMER.INFO.{stream}.{durable}"
        yield f"$JS.ACK.{stream}.{durable}.>"
        yield f"$JS.ACK.*.*.{stream}.{durable}.>"  # version 2: with the domain and the account's hash
        yield dead_letter(durable)
        if stream == _TIMERS:
            yield from (f"timer.{filtered.split('.')[1]}.*" for filtered in consumer.filters)


def _reads(service: str) -> Iterator[str]:
    for stream in _of(READERS, service):
        yield f"{API}.DIRECT.GET.{stream}"
    for stream in _of(MEASURERS, service):
        yield f"{API}.STREAM.INFO.{stream}"


def _hears(service: str) -> Iterator[str]:
    """Requests to it, what it listens to, and who lists the services that are there (`nats micro`)."""
    patterns = _patterns()
    for request in REQUESTS:
        if request.subject.split(".")[1] == service:
            yield request.subject
    for name in _of(LISTENERS, service):
        yield f"{name}.>" if name in BY_TYPE else patterns[name]
    for stream in STREAMS:
        if service in FOLLOWERS.get(stream.name, ()):
            yield from map(live, stream.subjects)
            if stream.name == DISPATCH.name:
                yield live(_ADDRESSED)
    for verb in ("PING", "INFO", "STATS"):
        yield from (f"$SRV.{verb}", f"$SRV.{verb}.{service}", f"$SRV.{verb}.{service}.*")


def _declares() -> Iterator[str]:
    for stream in STREAMS:
        yield from (f"{API}.STREAM.{verb}.{stream.name}" for verb in ("INFO", "CREATE", "UPDATE"))
    yield from (f"{API}.STREAM.DELETE.{name}" for name in RETIRED)
    yield from (f"{API}.CONSUMER.CREATE.{each.stream}.{each.durable}" for each in CONSUMERS)
