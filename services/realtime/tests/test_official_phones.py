"""What the apps are told and may ask for, once more by the official client and each of its transports."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from nats.aio.client import Client
from socketio.exceptions import ConnectionError as DialError

from stack.tokens import Role, mint

from . import made
from .conftest import KEY, Mark, Publish
from .js_phone import MODES, JsClients, JsPhone, Mode, js_clients
from .test_commands import (  # noqa: F401  # here they run with this module's `dial`
    test_a_customer_cancels_its_own_booking_and_no_other,
    test_a_customer_searches_again,
    test_a_driver_goes_online_and_offline_as_itself,
    test_a_driver_moves_its_job_on,
    test_an_offer_is_declined,
    test_one_driver_wins_and_the_other_is_told_so,
)
from .test_connect import test_nothing_is_missed_from_the_moment_of_connecting  # noqa: F401
from .test_delivery import (  # noqa: F401
    test_a_late_older_status_is_not_shown,
    test_an_admin_hears_of_assignments_once_asked_for,
    test_an_event_reaches_a_socket_once_by_all_its_rooms,
    test_every_socket_of_a_person_is_told,
    test_nobody_hears_of_anothers_job,
    test_online_drivers_see_a_job_leave_the_feed,
    test_the_customer_hears_a_whole_cascade_in_order,
)
from .test_location import (  # noqa: F401
    test_a_position_is_published_under_its_region_and_driver,
    test_with_a_job_the_position_goes_to_the_room_and_into_the_history,
)
from .test_rooms import (  # noqa: F401
    test_a_booking_is_followed_by_its_people_and_admins,
    test_a_driver_that_lost_the_job_is_out_of_its_room,
    test_after_unsubscribing_the_room_is_silent,
    test_the_eleventh_subscription_in_a_minute_is_refused,
    test_the_room_of_a_job_that_is_over_is_closed,
)

pytestmark = pytest.mark.usefixtures("neighbours")

JsDial = Callable[..., Awaitable[JsPhone]]

BAD_TOKENS: dict[Any, str] = {
    None: "token_missing",
    "": "token_missing",
    "rubbish": "token_invalid",
    17: "token_invalid",
}


@pytest_asyncio.fixture(scope="module")
async def clients() -> AsyncIterator[JsClients]:
    async with js_clients() as clients:
        yield clients


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> Mode:
    chosen: Mode = request.param
    return chosen


@pytest.fixture
async def dial(edge: str, clients: JsClients, mode: Mode) -> AsyncIterator[JsDial]:
    """Connect somebody, as `conftest.dial` does."""
    phones: list[JsPhone] = []

    async def start(sub: str, role: Role, url: str = edge, **more: object) -> JsPhone:
        phones.append(JsPhone(clients, mode))
        phone = await phones[-1].dial(url, mint(sub, role, key=KEY), **more)
        if role != "admin":
            await phone.greeted()
        return phone

    yield start
    for phone in phones:
        await phone.hang_up()


async def test_a_bad_token_is_refused_and_a_good_one_let_in(
    edge: str, clients: JsClients, mode: Mode
) -> None:
    """C1: the error says which; the same client is let in once it has a good one."""
    bad = {**BAD_TOKENS, mint("eve", "user", key=KEY, ttl=-1): "token_expired"}
    for token, code in bad.items():
        phone = JsPhone(clients, mode, reconnection=True)
        with pytest.raises(DialError):
            await phone.dial(edge, token)
        assert phone.refusal["data"] == {"code": code, "message": phone.refusal["message"]}
        await phone.show(token="Bearer " + mint("eve", "user", key=KEY))
        await phone.come_back()
        await phone.greeted()
        await phone.hang_up()


async def test_it_asks_by_itself_for_what_it_missed(dial: JsDial, publish: Publish, mark: Mark) -> None:
    """C7: the client keeps pid and offset, and knows that it has recovered."""
    ann = await dial("ann-o1", "user", recover=True)
    assert (ann.recovered, ann.offset is not None) == (False, True)
    pid = ann.pid
    jobs = [made.job("ann-o1") for _ in range(3)]
    await publish(made.created(jobs[0]))
    await ann.next("booking:created")
    await ann.cut()
    await asyncio.wait_for(ann.gone.wait(), 60)
    await publish(*(made.created(job) for job in jobs[1:]))
    await ann.come_back()
    await ann.connected(times=2)
    await mark(**{"ann-o1": ann})
    assert (ann.recovered, ann.pid) == (True, pid)
    assert ann.names() == ["booking:snapshot", *["booking:created"] * 3]
    assert [payload["bookingId"] for name, payload in ann.events if name == "booking:created"] == [
        str(job.id) for job in jobs
    ]


async def test_who_does_not_ask_for_it_has_a_snapshot_again(dial: JsDial, publish: Publish) -> None:
    """C7: apps of old; and no second argument."""
    ann = await dial("ann-o2", "user")
    await ann.cut()
    await asyncio.wait_for(ann.gone.wait(), 60)
    await publish(made.created(made.job("ann-o2")))
    await ann.come_back()
    for _ in range(2):
        await ann.next("booking:snapshot")
    assert (ann.recovered, ann.pid, ann.offset) == (False, None, None)
    assert ann.names() == ["booking:snapshot"] * 2


async def test_an_app_whose_token_ends_is_told_and_comes_back_with_another(
    edge: str, clients: JsClients, mode: Mode
) -> None:
    """C1: official clients do not come back from it by themselves."""
    brief = JsPhone(clients, mode, reconnection=True)
    await brief.dial(edge, mint("brief", "user", key=KEY, ttl=2))
    assert (await brief.next("auth:ended"))["code"] == "token_expired"
    await asyncio.wait_for(brief.gone.wait(), 60)
    assert brief.connects == 1
    await brief.show(token=mint("brief", "user", key=KEY))
    await brief.come_back()
    await brief.connected(times=2)
    await brief.hang_up()


async def test_a_client_that_lost_its_line_comes_back_by_itself(
    edge: str, clients: JsClients, mode: Mode, publish: Publish
) -> None:
    """C7"""
    ann = JsPhone(clients, mode, reconnection=True)
    await ann.dial(edge, mint("ann-o3", "user", key=KEY), recover=True)
    await ann.greeted()
    await ann.cut()
    await publish(made.created(made.job("ann-o3")))
    await ann.next("booking:created")
    assert (ann.connects, ann.recovered) == (2, True)
    await ann.hang_up()


async def test_an_admin_is_told_the_figures(dial: JsDial) -> None:
    """C9"""
    root = await dial("root-o4", "admin")
    assert (await root.ask("admin:subscribe"))["ok"]
    assert {"activeBookings", "onlinePilots", "pendingSearches"} <= set(await root.next("dashboard:stats"))


@pytest.mark.parametrize("leave", [JsPhone.hang_up, JsPhone.cut], ids=["hangs-up", "is-cut"])
async def test_a_driver_that_goes_is_told_to_be_gone(
    dial: JsDial, nc: Client, mode: Mode, leave: Any
) -> None:
    """C5: however it goes."""
    driver = f"dan-o5-{mode}-{'cut' if leave is JsPhone.cut else 'left'}"
    heard = await nc.subscribe(f"driver.disconnected.{driver}")
    await nc.flush()
    dan = await dial(driver, "pilot")
    await leave(dan)
    await heard.next_msg(timeout=60)
    await heard.unsubscribe()
