"""What is declared is used, and what is used is declared."""

from collections.abc import Callable, Iterable

import pytest

from contracts.catalog import catalog
from contracts.events import EVENTS, Event
from contracts.ids import new_id
from contracts.streams import CONSUMERS, STREAMS, Consumer
from contracts.subjects import dead_letter, due, live_track, timer

Make = Callable[..., Event]


def overlaps(one: str, other: str) -> bool:
    """Whether some subject matches both patterns."""
    pairs = zip(one.split("."), other.split("."), strict=False)
    for a, b in pairs:
        if ">" in (a, b):
            return True
        if a != b and "*" not in (a, b):
            return False
    return len(one.split(".")) == len(other.split("."))


def covers(wide: str, narrow: str) -> bool:
    """Whether every subject of `narrow` matches `wide`."""
    for a, b in zip(wide.split("."), narrow.split("."), strict=False):
        if a == ">":
            return True
        if b == ">" or a not in ("*", b):
            return False
    return len(wide.split(".")) == len(narrow.split("."))


def streams_of(subject: str) -> list[str]:
    return [stream.name for stream in STREAMS if any(covers(wide, subject) for wide in stream.subjects)]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_every_event_is_kept_by_exactly_one_stream(event: type[Event], make: Make) -> None:
    """Invariant 5 of the design: every committed event reaches the stream."""
    assert len(streams_of(make(event).subject())) == 1


def test_positions_timers_and_dead_letters_are_kept_as_declared() -> None:
    """C3, E2: history is kept, what is live is not; deadlines and their announcements share a stream."""
    subjects = {contract.name: contract.subject for contract in catalog()}
    assert streams_of(subjects["driver.location"]) == ["LOCATIONS"]
    assert streams_of(subjects["tracking.recorded"]) == ["TRACKING"]
    assert streams_of(live_track(new_id())) == []
    assert streams_of(timer("offer", new_id())) == streams_of(due("offer", new_id())) == ["TIMERS"]
    assert {stream for consumer in CONSUMERS for stream in streams_of(dead_letter(consumer.durable))} == {
        "DEAD"
    }


def test_no_subject_is_kept_twice() -> None:
    patterns = [(stream.name, subject) for stream in STREAMS for subject in stream.subjects]
    assert not [(a, b) for a in patterns for b in patterns if a < b and overlaps(a[1], b[1])]


def test_requests_are_kept_by_no_stream() -> None:
    """A stream that kept a request would answer it, in place of the service, with its own acknowledgement."""
    requests = [contract.subject for contract in catalog() if contract.reply]
    assert requests
    assert not [subject for subject in requests if streams_of(subject)]


@pytest.mark.parametrize("consumer", CONSUMERS, ids=lambda consumer: consumer.durable)
def test_consumer_asks_its_own_stream_for_things_that_are_published(consumer: Consumer) -> None:
    published = [contract.subject for contract in catalog()] + [
        due(kind, new_id()) for kind in ("offer", "search", "grace")
    ]
    for wanted in consumer.filters:
        assert streams_of(wanted) == [consumer.stream]
        assert any(overlaps(wanted, subject) for subject in published), f"nobody publishes {wanted}"


@pytest.mark.parametrize("consumer", CONSUMERS, ids=lambda consumer: consumer.durable)
def test_filters_of_a_consumer_do_not_overlap(consumer: Consumer) -> None:
    """nats-server refuses such a consumer (error 10138)."""
    assert not [(a, b) for a in consumer.filters for b in consumer.filters if a < b and overlaps(a, b)]


def test_names_are_unique() -> None:
    assert unique(stream.name for stream in STREAMS)
    assert unique((consumer.stream, consumer.durable) for consumer in CONSUMERS)
    assert unique(event.type for event in EVENTS)
    assert unique(contract.name for contract in catalog())


def unique(things: Iterable[object]) -> bool:
    listed = list(things)
    return len(set(listed)) == len(listed)
