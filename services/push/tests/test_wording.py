"""A service type's own words over the requirements': filled in, never evaluated. Nothing but functions."""

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from contracts.events import DispatchEvent
from contracts.models import JobStatus, Place
from contracts.wording import PLACEHOLDERS, Told, Words
from push.apns import payload_of
from push.domain import Notification
from push.localized import Localized, from_kept
from push.notifier import Environment, Push
from push.policy import notifications, service_type_of

from .events import AT, CARD, assigned, cancelled, failed, job, moved, offered, timed_out

ORDERED = job(driver=CARD)
EVENTS: dict[Told, DispatchEvent] = {
    Told.new_job: offered(ORDERED),
    Told.offer: offered(ORDERED, exclusive=True),
    Told.accepted: assigned(ORDERED),
    Told.en_route: moved(ORDERED, JobStatus.en_route),
    Told.arrived: moved(ORDERED, JobStatus.arrived),
    Told.in_progress: moved(ORDERED, JobStatus.in_progress),
    Told.completed: moved(ORDERED, JobStatus.completed),
    Told.cancelled: cancelled(ORDERED),
    Told.unfulfilled: failed(ORDERED),
}
VALUES = {
    "address": "12 Main St",
    "price": "46",
    "number": "WG-000001",
    "service_type": "haul",
    "driver_name": "Dan",
    "reason": "No pilots available in your area",
}
by_told = pytest.mark.parametrize("named", list(Told))


def told(event: DispatchEvent, **wording: Words) -> Notification:
    (one,) = notifications(event, AT, wording)
    return one


def in_words(event: DispatchEvent, **words: Any) -> Notification:
    """As told by a service type that has these words for everything."""
    return told(event, **{name.value: Words(**words) for name in Told})


def pushed(one: Notification) -> dict[str, Any]:
    """The payload that APNs gets."""
    push = Push(
        id=uuid4(),
        token="t",
        app="a",
        environment=Environment.production,
        title=one.title,
        body=one.body,
        data=one.data,
        collapse_id=one.collapse_id,
        urgent=False,
        expires_at=one.expires_at,
        localized=one.localized,
    )
    payload: dict[str, Any] = json.loads(payload_of(push))
    return payload


@by_told
def test_each_notification_goes_by_its_own_name(named: Told) -> None:
    """A2, A6, C12: the words for it change its title and body, and nothing that the apps read."""
    event = EVENTS[named]
    as_required = told(event)
    worded = told(event, **{named.value: Words(title="T", body="B")})
    assert (worded.title, worded.body) == ("T", "B")
    assert replace(worded, title=as_required.title, body=as_required.body) == as_required
    others = {other.value: Words(title="T", body="B") for other in Told if other is not named}
    assert told(event, **others) == as_required


@by_told
def test_all_that_may_stand_in_a_template_is_filled_in(named: Told) -> None:
    """What matching lets an admin set, push can say; see the closed set in `contracts.wording`."""
    template = " | ".join(f"{name}: {{{name}}}" for name in sorted(PLACEHOLDERS[named]))
    expected = " | ".join(f"{name}: {VALUES[name]}" for name in sorted(PLACEHOLDERS[named]))
    one = in_words(EVENTS[named], body=template)
    assert (one.title, one.body) == (told(EVENTS[named]).title, expected)


def test_why_a_search_timed_out_can_be_filled_in() -> None:
    """B9"""
    one = in_words(timed_out(ORDERED), title="Schade", body="{reason}")
    assert (one.title, one.body) == ("Schade", told(timed_out(ORDERED)).body)


def test_an_address_is_filled_in_as_it_is_told_otherwise() -> None:
    """A2, B2: of a shared offer the job's own, of an exclusive one its pickup's; cut if it is long."""
    both = job(pickup=Place(address="1 Pickup St", lat=0, lng=0))
    assert in_words(offered(both), body="{address}").body == "12 Main St"
    assert in_words(offered(both, exclusive=True), body="{address}").body == "1 Pickup St"
    assert in_words(offered(job(address="ä" * 500)), body="{address}").body == "ä" * 199 + "…"


@pytest.mark.parametrize(
    ("event", "template"),
    [
        (offered(job(address=None)), "{address} - {price}"),
        (assigned(ORDERED, service_type=None), "{service_type}: {driver_name}"),
        (moved(job(), JobStatus.arrived), "{driver_name} is here"),
        (offered(ORDERED), "{weather}"),
        (offered(ORDERED), "{0}"),
        (offered(ORDERED), "{}"),
    ],
    ids=["no address", "no service type", "no driver", "of a newer version", "a number", "nothing"],
)
def test_what_cannot_be_filled_in_is_told_as_the_requirements_have_it(
    event: DispatchEvent, template: str
) -> None:
    """A2, A3, A6: the whole of it, rather than half a sentence."""
    assert in_words(event, title="T", body=template) == told(event)
    assert in_words(event, title=template, body="B") == told(event)
    assert in_words(event, loc_key="K", loc_args=["x", template]) == told(event)


@pytest.mark.parametrize(
    "template",
    [
        "{0.__class__}",
        "{address.__class__}",
        "{address[0]}",
        "{address!r}",
        "{price:>999999999}",
        "%(address)s %s $address",
        "{{address}}",
        "\\g<0> \\1",
    ],
)
def test_nothing_in_a_template_is_evaluated(template: str) -> None:
    """Whatever found its way here: it is shown as it is, or not at all."""
    shown = in_words(offered(ORDERED), body=template).body
    assert shown in (template, told(offered(ORDERED)).body, template.replace("{address}", "12 Main St"))


def test_what_is_filled_in_is_not_looked_into() -> None:
    """An address is a customer's: it can name no placeholder, and none of a regular expression's groups."""
    sly = job(address="{price}{number}{0.__class__} \\1 \\g<0>")
    assert in_words(offered(sly), body="{address}!").body == f"{sly.address}!"


def test_without_words_there_are_no_keys() -> None:
    """A2: title and body, as ever."""
    assert told(EVENTS[Told.new_job]).localized is None
    assert pushed(told(EVENTS[Told.new_job]))["aps"]["alert"] == {
        "title": "New Job Nearby",
        "body": "12 Main St - $46",
    }


def test_keys_take_the_place_of_texts_on_the_phone_and_not_in_the_history() -> None:
    """A4, Apple "Generating a remote notification": title-loc-key, title-loc-args, loc-key, loc-args."""
    one = in_words(
        EVENTS[Told.new_job],
        title_loc_key="NEW_JOB",
        title_loc_args=["{number}"],
        loc_key="NEW_JOB_AT",
        loc_args=["{address}", "${price}"],
    )
    assert (one.title, one.body) == ("New Job Nearby", "12 Main St - $46")
    assert pushed(one)["aps"]["alert"] == {
        "title-loc-key": "NEW_JOB",
        "title-loc-args": ["WG-000001"],
        "loc-key": "NEW_JOB_AT",
        "loc-args": ["12 Main St", "$46"],
    }
    assert pushed(one)["type"] == "new_job"


def test_a_key_for_the_body_leaves_the_title_a_text() -> None:
    one = in_words(EVENTS[Told.arrived], title="Hier!", body="{driver_name} ist da", loc_key="ARRIVED")
    assert (one.title, one.body) == ("Hier!", "Dan ist da")
    assert pushed(one)["aps"]["alert"] == {"title": "Hier!", "loc-key": "ARRIVED", "loc-args": []}


def test_keys_are_kept_and_found_again() -> None:
    keys = Localized("T", ("a",), "B", ("b", "c"))
    assert from_kept(json.loads(json.dumps(keys.kept()))) == keys
    assert from_kept(None) is None


@pytest.mark.parametrize("letter", ["ä", "🐝", '"', "\x01"])
def test_the_longest_words_fit_into_a_push(letter: str) -> None:
    """Of an address as long as may be, and as often as fits into a template; APNs takes 4,096 bytes."""
    long = job(address=letter * 500)
    for words in (
        {"title": "{address}" * 11, "body": "{address}" * 55},
        {"title_loc_key": "T" * 100, "title_loc_args": ["{address}" * 11] * 10}
        | {"loc_key": "B" * 100, "loc_args": ["{address}" * 11] * 10},
    ):
        one = in_words(offered(long, exclusive=True), **words)
        assert len(json.dumps(pushed(one), ensure_ascii=False).encode()) <= 4096
        assert len(one.title) < 400


@by_told
def test_every_event_says_whose_words_it_is_told_in(named: Told) -> None:
    assert service_type_of(EVENTS[named]) == "haul"


def test_old_events_do_not_say_whose_words_they_are_told_in() -> None:
    """They are told in the requirements' words."""
    assert service_type_of(failed(ORDERED, service_type=None)) is None
