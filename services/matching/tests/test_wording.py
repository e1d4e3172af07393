"""What a service type's notifications say: what admins may set, and how it is told to those who say it."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.events import SearchFailed, SearchStarted, SearchTimedOut
from contracts.service_types import ServiceTypeChanged
from contracts.wording import PLACEHOLDERS, Told, Words
from matching.service_types import RulesBody, rules_to
from wire.envelope import unseal

CASCADE = {"steps": [{"policy": "cascade"}]}
WORDING: dict[str, dict[str, Any]] = {
    "new_job": {"title": "Neuer Umzug", "body": "{address}, {price} € ({number})"},
    "accepted": {"loc_key": "DRIVER_ON_JOB", "loc_args": ["{driver_name}"]},
}


@pytest.fixture(scope="module")
def changes():
    return {"sweep_seconds": 86_400, "watch_seconds": 86_400}


def with_words(told="new_job", **words):
    return CASCADE | {"wording": {told: words}}


def in_words(wording):
    return {told: Words(**words) for told, words in wording.items()}


async def sets(world, name, body, role="admin"):
    return await world.http.put(f"/v1/service-types/{name}", json=body, headers=world.auth("root", role))


async def reads(world, name):
    answer = await world.http.get(f"/v1/service-types/{name}", headers=world.auth("root", "admin"))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def told_of(world, name, count):
    """The first so many changes of this service type in the stream, in its order."""
    subject = f"{ServiceTypeChanged.type}.{name}"
    events = await world.nc.jetstream().subscribe(subject, ordered_consumer=True)
    messages = [await events.next_msg(timeout=60) for _ in range(count)]
    await events.unsubscribe()
    return [unseal(message.headers, message.data).event for message in messages]


async def test_the_words_that_an_admin_set_are_kept_as_they_were_said(world):
    """B14: what was not said of a notification is null; and what was not said at all is none."""
    answer = await sets(world, "worded", CASCADE | {"wording": WORDING})
    assert answer.status_code == 200, answer.text
    kept = (await reads(world, "worded"))["wording"]
    assert {told: {k: v for k, v in words.items() if v} for told, words in kept.items()} == WORDING
    assert answer.json()["wording"] == kept
    assert (await sets(world, "worded", CASCADE)).json()["wording"] is None
    assert (await reads(world, "worded"))["wording"] is None


async def test_each_change_is_told_on_the_bus_with_the_next_version(world):
    """Also the one that takes the words away: whoever keeps them has to hear of it."""
    for body in (CASCADE | {"wording": WORDING}, CASCADE, with_words(title="Los!")):
        assert (await sets(world, "retold", body)).status_code == 200
    told = await told_of(world, "retold", 3)
    assert sorted(told, key=lambda one: one.version) == [
        ServiceTypeChanged(
            service_type="retold", version=1, wording={k: Words(**v) for k, v in WORDING.items()}
        ),
        ServiceTypeChanged(service_type="retold", version=2),
        ServiceTypeChanged(service_type="retold", version=3, wording={"new_job": Words(title="Los!")}),
    ]


async def test_changes_at_the_same_moment_have_versions_of_their_own_and_the_last_one_is_kept(world):
    """However they cross: nobody is refused, and who heard all of them knows which one holds."""
    bodies = [with_words(title=f"Nr. {n}") for n in range(8)]
    answers = await asyncio.gather(*(sets(world, "crossing", body) for body in bodies))
    assert {answer.status_code for answer in answers} == {200}
    told = sorted(await told_of(world, "crossing", 8), key=lambda one: one.version)
    assert [one.version for one in told] == list(range(1, 9))
    assert (await reads(world, "crossing"))["wording"]["new_job"]["title"] == told[-1].wording[
        "new_job"
    ].title


async def test_the_end_of_a_search_says_of_which_service_type_the_job_was(world):
    """Or nobody could tell it in that one's words."""
    brief = await world.rules("brief", "broadcast", search_seconds=0.2)
    alone = world.place()
    for service_type, ends in (
        ("courier", SearchFailed),
        (brief, SearchTimedOut),
        ("teleport", SearchFailed),
    ):
        job = world.job(alone, service_type)
        await world.created(job)
        assert (await world.hears(SearchStarted, job.id)).service_type == service_type
        assert (await world.hears(ends, job.id)).service_type == service_type


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (with_words(body="{adress} - {price}"), "{adress}"),
        (with_words("accepted", title="{price}"), "{price}"),
        (with_words("unfulfilled", body="{driver_name}"), "{driver_name}"),
        (with_words(title="{0}"), "{0}"),
        (with_words(title="{}"), "{}"),
        (with_words(title="{0.__class__}"), "{0.__class__}"),
        (with_words(title="{address.__class__}"), "{address.__class__}"),
        (with_words(title="{address!r}"), "{address!r}"),
        (with_words(title="{price:>1000}"), "{price:>1000}"),
        (with_words(title="{{address}}"), "{"),
        (with_words(title="{address"), "{"),
        (with_words(title="address}"), "}"),
        (with_words(loc_key="K", loc_args=["{address}", "{pric}"]), "{pric}"),
        (with_words(title_loc_key="K", title_loc_args=["{x}"]), "{x}"),
    ],
    ids=str,
)
async def test_what_cannot_be_filled_in_is_refused_by_name(world, body, named):
    """B14: 422; and nothing is changed or told."""
    refused = await sets(world, "courier", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid"), refused.text
    [error] = refused.json()["errors"]
    assert f" {named} cannot be filled in" in error["message"]
    assert (await reads(world, "courier"))["wording"] is None


@pytest.mark.parametrize(
    "body",
    [
        with_words("job_sung", title="La"),
        with_words(),
        with_words(title=""),
        with_words(title="x" * 101),
        with_words(title="two\nlines"),
        with_words(title="nul\x00"),
        with_words(title="half \ud800"),
        with_words(body="x" * 501),
        with_words(body="bell\x07"),
        with_words(title_loc_key="with space"),
        with_words(loc_key="k" * 101),
        with_words(loc_key=""),
        with_words(loc_key="K", loc_args=["x"] * 11),
        with_words(loc_key="K", loc_args=["x" * 101]),
        with_words(loc_args=["{address}"], title="t"),
        with_words(title_loc_args=["{address}"], loc_key="K"),
        with_words(title="t", sound="ping"),
        CASCADE | {"wording": ["title"]},
    ],
    ids=ascii,
)
def test_words_that_make_no_sense_are_refused(body):
    """B14"""
    with pytest.raises(ValidationError):
        RulesBody.model_validate(body)


@pytest.mark.parametrize("told", list(Told))
def test_every_placeholder_of_a_notification_may_be_used_in_each_of_its_texts(told):
    text = " ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS[told]))
    body = with_words(
        told,
        title=text,
        body=f"{text}\n",
        title_loc_key="T",
        title_loc_args=[text],
        loc_key="b.1-x",
        loc_args=[text],
    )
    assert RulesBody.model_validate(body).wording is not None


def test_a_search_does_not_carry_the_words():
    """They are looked up when something is told, as they are then."""
    assert "wording" not in rules_to(RulesBody.model_validate(CASCADE | {"wording": WORDING}))


async def test_words_are_for_admins_to_set(world):
    """403."""
    for role in ("user", "pilot"):
        refused = await sets(world, "courier", CASCADE | {"wording": WORDING}, role)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await reads(world, "courier"))["wording"] is None
