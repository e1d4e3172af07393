"""What docs/client-guide.md shows to app authors is so: its JavaScript is run, its examples are compared."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts import events as happened
from contracts.events import DriverState, JobTracked
from contracts.models import JobStatus
from contracts.requests import ActiveJob, DriverView
from realtime import words
from stack.tokens import Role, mint

from . import made
from .conftest import KEY, Dial, OpenEdge, Publish
from .guide_app import GuideApp, RefusedError, blocks, examples, guide_app
from .neighbours import Neighbours
from .saying import said
from .test_revocation import issued

pytestmark = pytest.mark.usefixtures("neighbours")

App = Callable[..., Awaitable[GuideApp]]


@pytest.fixture(scope="module")
def engine() -> str:
    """The guide is about the client; what engines have in common is shown elsewhere."""
    return "fast"


@pytest.fixture
async def app(tmp_path: Path, edge: str) -> AsyncIterator[App]:
    """The guide's app, connected as somebody."""
    async with guide_app(tmp_path) as app:

        async def start(sub: str, role: Role, url: str = edge, **more: Any) -> GuideApp:
            await app.do("connect", **{"url": url, "tokens": [mint(sub, role, key=KEY)], **more})
            return app

        yield start


async def test_a_customer_follows_a_booking_from_its_snapshot_on(
    app: App, neighbours: Neighbours, publish: Publish
) -> None:
    """C7, B1, B7, C8"""
    before, job = neighbours.add(made.job("ann-g1")), made.job("ann-g1")
    ann = await app("ann-g1", "user")
    await ann.next("replace", [words.booking_details(before)])
    steps = [made.created(job), made.started(job), made.assigned(job), made.status(job)]
    await publish(*steps)
    await ann.until(lambda: len([one for one in ann.told if one[0] == "change"]) == len(steps))
    changes = [one[2] for one in ann.told if one[0] == "change" and one[1] == str(job.id)]
    assert [sorted(changed) for changed in changes] == [
        ["bookingNumber", "message", "status"],
        ["message"],
        ["message", "pilot"],
        ["status", "timestamp"],
    ]


async def test_a_driver_sees_offers_and_jobs_come_and_go(app: App, publish: Publish) -> None:
    """A1, A7, B2, B4, B11"""
    one, two, three = (made.job("ann-g2") for _ in range(3))
    ids = [str(job.id) for job in (one, two, three)]
    dan = await app("dan-g2", "pilot")
    await dan.do("followOffers")
    at = await dan.next("connected")
    await dan.next("replace", after=at)
    await dan.do("ask", name="pilot:online", payload={})
    await publish(made.offer(one, "dan-g2"), made.offer(two, "dan-g2", exclusive=False))
    at = await dan.next("offers", ids[:1], ids[1:2])
    await publish(made.offer_end(happened.OfferExpired, one, "dan-g2"))
    at = await dan.next("offers", [], ids[1:2], after=at)
    await publish(made.feed_closed(two, "eve"), made.offer(three, "dan-g2"))
    at = await dan.next("offers", ids[2:], [], after=at)
    await publish(made.offer_end(happened.OfferWithdrawn, three, "dan-g2", reason="job_cancelled"))
    await dan.next("offers", [], [], after=at)


async def test_one_accept_wins_twice_and_the_other_is_told_why_not(
    app: App, neighbours: Neighbours, dial: Dial
) -> None:
    """A5: who was too late is not asked again."""
    mine, theirs = neighbours.add(made.job("ann-g3")), neighbours.add(made.job("ann-g3"))
    neighbours.winners[theirs.id] = "eve"
    dan = await app("dan-g3", "pilot")
    for _ in range(2):
        answer = await dan.do("askAgain", name="offer:accept", payload={"bookingId": str(mine.id)})
        assert answer == {"ok": True, "bookingId": str(mine.id), "status": "accepted"}
    with pytest.raises(RefusedError) as refusal:
        await dan.do("askAgain", name="offer:accept", payload={"bookingId": str(theirs.id)})
    assert refusal.value.code == "already_accepted"


async def test_who_asks_too_fast_is_answered_after_a_while(app: App, open_edge: OpenEdge) -> None:
    """A refusal that passes is not shown to people."""
    dan = await app("dan-g4", "pilot", url=await open_edge(events_per_second=2))
    await dan.next("connected")
    for _ in range(4):
        assert (await dan.do("askAgain", name="pilot:online", payload={}))["ok"]


async def test_a_cut_line_is_mended_and_what_was_missed_is_told(app: App, publish: Publish) -> None:
    """C7"""
    job = made.job("ann-g5")
    ann = await app("ann-g5", "user")
    await ann.next("replace")
    await ann.do("cut")
    at = await ann.next("gone")
    await publish(made.created(job))
    at = await ann.next("connected", True, after=at)
    await ann.next("change", str(job.id), after=at)
    assert len([one for one in ann.told if one[0] == "replace"]) == 1


async def test_an_app_that_was_in_the_background_is_told_too(app: App, publish: Publish) -> None:
    """C7"""
    job = made.job("ann-g6")
    ann = await app("ann-g6", "user")
    await ann.next("replace")
    await ann.do("toBackground")
    at = await ann.next("gone")
    await publish(made.created(job))
    assert not [one for one in ann.told if one[0] == "change"]
    await ann.do("toForeground")
    at = await ann.next("connected", True, after=at)
    await ann.next("change", str(job.id), after=at)


async def test_without_a_token_it_tries_again(app: App) -> None:
    """C1: the issuer is out of reach for a moment."""
    ann = await app("ann-g7", "user", tokens=[None, mint("ann-g7", "user", key=KEY)])
    await ann.next("connected", False)


async def test_a_token_is_renewed_before_it_ends(app: App, edge: str) -> None:
    """C1: at once if it has less than a minute."""
    before = await renewals(edge)
    short = [mint("ann-g8", "user", key=KEY, ttl=50) for _ in range(2)]
    ann = await app("ann-g8", "user", tokens=[*short, mint("ann-g8", "user", key=KEY)])
    await ann.until(lambda: ann.told.count(["fetched"]) >= 3)  # the connect, and what two answers brought
    assert await renewals(edge) > before


async def renewals(edge: str) -> float:
    """How many the edge has granted."""
    async with httpx.AsyncClient(timeout=60) as client:
        lines = (await client.get(f"{edge}/metrics")).text.splitlines()
    name = 'waggle_socket_events_in_total{event="auth:refresh",outcome="ok"}'
    return float(next((line.split()[-1] for line in lines if line.startswith(name)), 0))


async def test_a_revoked_person_signs_in_again_and_goes_on(app: App, edge: str, publish: Publish) -> None:
    """C1, C7: also when the person is told so only at the next connect."""
    job = made.job("ann-g9")
    ann = await app("ann-g9", "user", afterSignIn=issued("ann-g9", "user", 5))  # s; as if it had been later
    await ann.next("replace")
    async with httpx.AsyncClient(timeout=60) as client:
        headers = {"Authorization": f"Bearer {mint('root', 'admin', key=KEY)}"}
        done = await client.post(f"{edge}/v1/identities/ann-g9/revoke", json=None, headers=headers)
    assert done.status_code == 200
    at = await ann.next("signIn", "token_revoked")
    assert ["fetched"] not in ann.told[ann.told.index(["gone"]) : at]  # it heard why, and did not try in vain
    await publish(made.created(job))
    await ann.next("connected", after=at)
    await ann.next("change", str(job.id), after=at)


async def test_an_expired_token_is_replaced_without_a_word(app: App) -> None:
    """C1"""
    expired = mint("ann-g10", "user", key=KEY, ttl=-1)
    ann = await app("ann-g10", "user", tokens=[expired, mint("ann-g10", "user", key=KEY)])
    await ann.next("connected")
    assert not [one for one in ann.told if one[0] == "signIn"]


HERE = {"lat": 40.75, "lng": -73.99, "at": 1_000_000}


DUE = [  # metres, seconds, on a job → due
    (0, 9, True, False),
    (0, 10, True, True),
    (45, 1, True, False),
    (55, 1, True, True),
    (500, 29, False, False),
    (0, 30, False, True),
]
NORTH, EAST = 111_320, 84_334  # metres a degree at 40.75° north


async def test_when_a_position_is_due(tmp_path: Path) -> None:
    """C4"""
    async with guide_app(tmp_path) as app:
        for metres, seconds, on_job, due in DUE:
            north = {"lat": HERE["lat"] + metres / NORTH, "lng": HERE["lng"]}
            east = {"lat": HERE["lat"], "lng": HERE["lng"] + metres / EAST}
            asked = {"last": HERE, "now": HERE["at"] + seconds * 1000, "onJob": on_job}
            found = [await app.do("isDue", here=here, **asked) for here in (north, east)]
            assert found == [due, due], (metres, seconds, on_job)


async def test_a_driver_on_a_job_is_followed_as_it_moves(
    app: App, neighbours: Neighbours, dial: Dial
) -> None:
    """C3, C4"""
    job = neighbours.add(made.job("ann-g11", driver=made.card("dan-g11"), status=JobStatus.en_route))
    neighbours.drivers["dan-g11"] = DriverView(
        driver_id="dan-g11",
        state=DriverState.busy,
        approved=True,
        active_job=ActiveJob(job_id=job.id, customer_id="ann-g11"),
    )
    ann = await dial("ann-g11", "user")
    dan = await app("dan-g11", "pilot")
    await dan.next("replace")
    await dan.do("share")
    for lat in (40.75, 40.76):
        await dan.do("be", at={"lat": lat, "lng": -73.99, "speed": 8.5})
        while (await ann.next("location:update"))["lat"] != lat:  # after 10 s it says the same again
            pass
    await dan.do("stopSharing")
    await dan.until(
        lambda: 40.76 in [one[1]["lat"] for one in dan.told if one[0] == "move"]
    )  # it is there, too


def payloads() -> dict[str, list[dict[str, Any]]]:
    """Of everything that has an example, as the edge says it."""
    job = made.job()
    withdrawn = made.offer_end(happened.OfferWithdrawn, job, reason="job_cancelled")
    track = JobTracked(
        job_id=job.id, driver_id="dan", lat=40.75, lng=-73.99, heading=90, speed=8.5, recorded_at=made.AT
    )
    steps = [
        made.created(job),
        made.offer(job, number=2),
        made.assigned(job),
        made.status(job),
        made.failed(job, happened.SearchFailure.none_in_area),
        made.notification("ann"),
        made.offer_end(happened.OfferExpired, job),
        withdrawn,
        made.released(job),
        made.feed_closed(job),
        made.feed_closed(job, None, JobStatus.cancelled),
    ]
    found: dict[str, list[dict[str, Any]]] = {"location:update": [words.location(track)]}
    for step in steps:
        for _, name, payload in said(step):
            found.setdefault(name, []).append(payload)
    return found


@pytest.mark.parametrize(("name", "example"), examples(), ids=[name for name, _ in examples()])
def test_an_example_has_the_keys_that_the_edge_sends(name: str, example: dict[str, Any]) -> None:
    """A7, B1–B11, C3, C8, C10"""
    assert shape(example) in [shape(payload) for payload in payloads()[name]]


def shape(payload: Any) -> Any:
    """Its keys, all the way down, but for what is the caller's own."""
    if not isinstance(payload, dict):
        return None
    return {key: None if key in ("items", "data") else shape(value) for key, value in payload.items()}


def test_there_is_something_to_run() -> None:
    assert len(blocks("js")) >= 7
    assert len(examples()) >= 12
