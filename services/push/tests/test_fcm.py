"""Pushes to Android phones, by real HTTP/2 to a server that checks as Google's does."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fcm_standin import TOKEN_ENDPOINT, Script, Standin, standin
from fcm_standin import Push as Arrived
from push.fcm import open_fcm
from push.localized import Localized
from push.notifier import Notifier, Outcome, Verdict
from push.settings import Settings

from .android import push

SOON = 30
"""Seconds: bounds a failure."""
Configure = Callable[..., Settings]


@pytest.fixture(scope="session")
def fcm_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fcm")


@pytest.fixture
async def google(fcm_state: Path) -> AsyncIterator[Standin]:
    async with standin(fcm_state) as running:
        yield running


@pytest.fixture
def configure(google: Standin) -> Configure:
    def configure(**changes: Any) -> Settings:
        given: dict[str, Any] = {
            "database_url": "postgresql+asyncpg://",
            "jwt_key": "k" * 32,
            "push_timeout_seconds": SOON,
            "fcm_project_id": google.project,
            "fcm_service_account_file": google.service_account_file,
            "fcm_url": google.url,
            "fcm_ca_file": google.ca_file,
        }
        return Settings(**(given | changes))

    return configure


@pytest.fixture
async def fcm(configure: Configure) -> AsyncIterator[Notifier]:
    async with open_fcm(configure()) as notifier:
        yield notifier


def life_of(came: Arrived) -> int:
    """In seconds, as FCM was told."""
    assert came.message
    return int(str(came.message["android"]["ttl"]).removesuffix("s"))


async def test_an_offer_is_what_google_and_the_apps_expect(fcm: Notifier, google: Standin) -> None:
    """B2: at once, on the offers' channel, in the place of an earlier one, and not after its end."""
    one = push()
    assert await fcm.send(one) == Outcome(Verdict.sent)
    (came,) = google.pushes(one.token)
    assert came.status == 200
    assert life_of(came) <= 600
    assert came.message == {
        "token": one.token,
        "notification": {"title": "New Delivery Offer", "body": "12 Main St - $45"},
        "data": {"type": "offer", "job_id": "J"},
        "android": {
            "priority": "HIGH",
            "ttl": f"{life_of(came)}s",
            "collapse_key": "the-offer",
            "notification": {"tag": "the-offer", "channel_id": "offers", "sound": "default"},
        },
    }


async def test_a_later_attempt_ends_no_later(fcm: Notifier, google: Standin) -> None:
    """The life is counted anew: by the answer to the first the second has a second less."""
    one = push(600)
    google.script(one.token, Script(error="UNAUTHENTICATED", hang_s=1, times=1))
    await fcm.send(one)
    first, second = (life_of(came) for came in google.pushes(one.token))
    assert second < first <= 600


async def test_a_key_of_the_app_takes_the_place_of_the_text(fcm: Notifier, google: Standin) -> None:
    words = Localized(title_key="offer_title", body_key=None)
    await fcm.send(push(localized=words))
    words = Localized("offer_title", (), "offer_body", ("12 Main St", "$45"))
    await fcm.send(push(localized=words))
    title, both = (came.message or {} for came in google.pushes())
    assert title["notification"] == {"body": "12 Main St - $45"}
    assert title["android"]["notification"]["title_loc_key"] == "offer_title"
    assert both["notification"] == {}
    assert both["android"]["notification"]["body_loc_args"] == ["12 Main St", "$45"]


@pytest.mark.parametrize(
    ("script", "verdict", "reason"),
    [
        (Script(error="UNREGISTERED"), Verdict.gone, "404 UNREGISTERED"),
        (Script(error="SENDER_ID_MISMATCH"), Verdict.gone, "403 SENDER_ID_MISMATCH"),
        (Script(error="INVALID_ARGUMENT", field="message.token"), Verdict.gone, "400 INVALID_ARGUMENT"),
        (
            Script(error="INVALID_ARGUMENT", field="message.android.ttl"),
            Verdict.failed,
            "400 INVALID_ARGUMENT",
        ),
        (Script(error="INVALID_ARGUMENT"), Verdict.failed, "400 INVALID_ARGUMENT"),
        (Script(error="THIRD_PARTY_AUTH_ERROR"), Verdict.failed, "401 THIRD_PARTY_AUTH_ERROR"),
        (Script(error="QUOTA_EXCEEDED"), Verdict.retry, "429 QUOTA_EXCEEDED"),
        (Script(error="INTERNAL"), Verdict.retry, "500 INTERNAL"),
        (Script(error="UNAVAILABLE"), Verdict.retry, "503 UNAVAILABLE"),
    ],
    ids=lambda given: f"{given.error}-{given.field}" if isinstance(given, Script) else None,
)
async def test_each_error_is_understood(
    fcm: Notifier, google: Standin, script: Script, verdict: Verdict, reason: str
) -> None:
    """A10: a device is gone only if Google says that its token is dead."""
    one = push()
    google.script(one.token, script)
    outcome = await fcm.send(one)
    assert (outcome.verdict, outcome.reason) == (verdict, reason)
    assert len(google.pushes(one.token)) == 1


async def test_a_token_that_is_none_is_gone_as_google_words_it(fcm: Notifier) -> None:
    """A10"""
    assert (await fcm.send(push(token="short"))).verdict is Verdict.gone


async def test_a_field_of_the_same_beginning_is_not_the_token(fcm: Notifier, google: Standin) -> None:
    one = push()
    google.script(one.token, Script(error="INVALID_ARGUMENT", field="message.token_type"))
    assert (await fcm.send(one)).verdict is Verdict.failed


async def test_another_s_project_is_our_mistake_and_no_dead_phone(configure: Configure) -> None:
    async with open_fcm(configure(fcm_project_id="other")) as fcm:
        outcome = await fcm.send(push())
    assert (outcome.verdict, outcome.reason) == (Verdict.failed, "403 PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("script", "wait", "outage"),
    [
        (Script(error="QUOTA_EXCEEDED", retry_after_s=7), timedelta(seconds=7), False),
        (Script(error="QUOTA_EXCEEDED"), timedelta(seconds=60), False),
        (Script(error="UNAVAILABLE", retry_after_s=3), timedelta(seconds=3), True),
        (Script(error="INTERNAL"), None, True),
    ],
    ids=["quota-7", "quota", "unavailable-3", "internal"],
)
async def test_the_wait_that_google_asks_for_is_passed_on(
    fcm: Notifier, google: Standin, script: Script, wait: timedelta | None, outage: bool
) -> None:
    """A quota of ours is not an outage of Google's."""
    one = push()
    google.script(one.token, script)
    outcome = await fcm.send(one)
    assert (outcome.verdict, outcome.retry_after, outcome.outage) == (Verdict.retry, wait, outage)


async def test_an_access_token_that_ended_is_replaced_and_the_push_sent_at_once(
    fcm: Notifier, google: Standin
) -> None:
    await fcm.send(push())
    google.tokens.expire()
    pushes = [push() for _ in range(10)]
    assert set(await asyncio.gather(*map(fcm.send, pushes))) == {Outcome(Verdict.sent)}
    assert google.tokens.issued == 2


async def test_an_access_token_is_asked_for_once_more_and_no_more(fcm: Notifier, google: Standin) -> None:
    one = push()
    google.script(one.token, Script(error="UNAUTHENTICATED"))
    outcome = await fcm.send(one)
    assert (outcome.verdict, outcome.outage) == (Verdict.retry, True)
    assert len(google.pushes(one.token)) == 2
    assert google.tokens.issued == 2


async def test_all_pushes_share_an_access_token_and_a_connection(fcm: Notifier, google: Standin) -> None:
    outcomes = await asyncio.gather(*(fcm.send(push()) for _ in range(250)))
    assert set(outcomes) == {Outcome(Verdict.sent)}
    assert len({came.access_token for came in google.pushes()}) == 1
    assert {came.connection for came in google.pushes()} == {1}


async def test_a_connection_that_breaks_is_a_retry_and_the_next_push_gets_another(
    fcm: Notifier, google: Standin
) -> None:
    for cut in ("reset", "goaway"):
        one = push()
        google.script(one.token, Script.model_validate({cut: True}))
        outcome = await fcm.send(one)
        assert (outcome.verdict, outcome.outage) == (Verdict.retry, True)
        assert await fcm.send(push()) == Outcome(Verdict.sent)


async def test_a_google_that_is_not_there_is_a_retry(configure: Configure, google: Standin) -> None:
    async with open_fcm(configure(fcm_url="https://127.0.0.1:9")) as fcm:
        outcome = await fcm.send(push())
    assert (outcome.verdict, outcome.outage) == (Verdict.retry, True)
    assert outcome.reason
    assert outcome.reason.startswith("ConnectError")


async def test_a_server_that_our_authority_does_not_vouch_for_gets_no_token(configure: Configure) -> None:
    async with open_fcm(configure(fcm_ca_file=None)) as fcm:
        outcome = await fcm.send(push())
    assert (outcome.verdict, outcome.reason) == (Verdict.retry, "token: ConnectError")


async def test_without_an_access_token_it_is_a_retry(fcm: Notifier, google: Standin) -> None:
    google.script(TOKEN_ENDPOINT, Script(error="INTERNAL", times=1))
    assert await fcm.send(push()) == Outcome(Verdict.retry, "token: 500", outage=True)
    assert await fcm.send(push()) == Outcome(Verdict.sent)


async def test_pushes_that_are_given_up_on_cost_the_others_nothing(fcm: Notifier, google: Standin) -> None:
    """A11: more than a connection has places for, each cancelled by its sender."""
    for _ in range(3):
        hanging = [push() for _ in range(60)]
        for one in hanging:
            google.script(one.token, Script(hang_s=600))
        sending = [asyncio.create_task(fcm.send(one)) for one in hanging]
        for one in hanging:
            await google.next_push(one.token, timeout_s=SOON)
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        assert await asyncio.wait_for(fcm.send(push()), SOON) == Outcome(Verdict.sent)


async def test_a_push_given_up_on_takes_no_other_with_it(fcm: Notifier, google: Standin) -> None:
    slow, hanging = push(), push()
    google.script(slow.token, Script(hang_s=0.5))
    google.script(hanging.token, Script(hang_s=600))
    tasks = [asyncio.create_task(fcm.send(one)) for one in (slow, hanging)]
    for one in (slow, hanging):
        await google.next_push(one.token, timeout_s=SOON)
    tasks[1].cancel()
    assert await asyncio.wait_for(tasks[0], SOON) == Outcome(Verdict.sent)


async def test_a_push_that_is_past_its_deadline_ends_there_and_costs_the_others_nothing(
    fcm: Notifier, google: Standin
) -> None:
    """B4"""
    first, late, last = push(), push(lives=0), push()
    outcomes = [await fcm.send(one) for one in (first, late, last)]
    assert outcomes == [
        Outcome(Verdict.sent),
        Outcome(Verdict.expired, "deadline passed"),
        Outcome(Verdict.sent),
    ]
    assert [came.token for came in google.pushes()] == [first.token, last.token]
    assert {came.connection for came in google.pushes()} == {1}


async def test_without_fcm_a_push_is_dropped_and_says_so(configure: Configure) -> None:
    """A12"""
    async with open_fcm(configure(fcm_project_id=None, fcm_service_account_file=None)) as fcm:
        assert await fcm.send(push()) == Outcome(Verdict.dropped, "fcm not configured")


async def test_a_bad_key_file_is_found_out_at_the_start(
    configure: Configure, google: Standin, tmp_path: Path
) -> None:
    unsigned = json.loads(google.service_account_file.read_text()) | {"private_key": "no key"}
    (tmp_path / "unsigned.json").write_text(json.dumps(unsigned))
    (tmp_path / "empty.json").write_text("{}")
    for name, error in (("unsigned.json", ValueError), ("empty.json", ValueError), ("missing.json", OSError)):
        with pytest.raises(error):
            async with open_fcm(configure(fcm_service_account_file=tmp_path / name)):
                pass
