"""Whose phones were told of a job, beside how it was dispatched. Matching and push are stood in for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.explained import AttemptView, DeviceView, DispatchView, JobPushes, NotificationView, OfferView
from contracts.requests import ViewDispatch, ViewPushes
from wire.problem import ProblemError
from wire.rpc import Endpoint, serve

from .people import Person, Service, answered

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SENT = DeviceView(platform="ios", token_end="beef", state="sent", attempts=1, sent_at=AT)


def offer(driver: str) -> OfferView:
    about: dict[str, Any] = {"rung": 0, "state": "pending", "exclusive": False, "created_at": AT}
    return OfferView(id=uuid4(), number=1, driver_id=driver, **about)


def search(*offers: OfferView) -> AttemptView:
    about = {"attempt": 1, "state": "searching", "mode": "broadcast", "decisions": [], "others": []}
    return AttemptView.model_validate(
        {"search_id": uuid4(), "started_at": AT, "offers": list(offers)} | about
    )


def told(user: str, of: OfferView | None = None, *devices: DeviceView) -> NotificationView:
    kind, gate = "new_job" if of else "job_update", None if devices else "no_device"
    shown = {"offer_id": of.id if of else None, "devices": list(devices), "gate": gate}
    return NotificationView(id=uuid4(), user_id=user, kind=kind, created_at=AT, **shown)


@asynccontextmanager
async def answering(booking: Service, attempts: list[AttemptView], pushes: Any) -> AsyncIterator[None]:
    """Matching and push. `pushes` answers in push's place."""

    async def dispatch(question: ViewDispatch) -> DispatchView:
        return DispatchView(job_id=question.job_id, attempts=attempts)

    endpoints = [Endpoint(ViewDispatch, dispatch), Endpoint(ViewPushes, pushes)]
    async with serve(booking.nc, "others", "0.0.0", endpoints):
        await booking.nc.flush()
        yield


async def test_each_offer_says_how_its_driver_was_told(
    booking: Service, customer: Person, admin: Person
) -> None:
    """A12: on which devices, or that there was none; what else was told of the job stands beside."""
    job = await customer.ordered()
    with_phone, without, untold = offer("dan"), offer("eve"), offer("fay")
    news = told(customer.sub, None, SENT)
    another = told("gus", offer("gus"), SENT)
    by_phone, by_none = told("dan", with_phone, SENT), told("eve", without)
    asked: list[ViewPushes] = []

    async def pushes(question: ViewPushes) -> JobPushes:
        asked.append(question)
        everything = [another, news, by_none, by_phone]
        return JobPushes(job_id=question.job_id, notifications=everything, left_out=7)

    async with answering(booking, [search(with_phone, without), search(untold)], pushes):
        view = answered(await admin.asks("GET", f"/{job['id']}/dispatch"), 200)
        answered(await admin.asks("GET", f"/{job['id']}/dispatch", params={"driver_id": "dan"}), 200)
    offers = {one["driver_id"]: one["pushes"] for attempt in view["attempts"] for one in attempt["offers"]}
    assert offers == {
        "dan": [by_phone.model_dump(mode="json")],
        "eve": [by_none.model_dump(mode="json")],
        "fay": [],
    }
    assert offers["eve"][0]["gate"] == "no_device"
    assert view["pushes"] == {
        "job_id": job["id"],
        "notifications": [another.model_dump(mode="json"), news.model_dump(mode="json")],
        "left_out": 7,
    }
    assert view["pushes_refused"] is None
    assert [(str(one.job_id), one.driver_id) for one in asked] == [(job["id"], None), (job["id"], "dan")]


async def test_how_a_job_was_dispatched_is_told_while_push_is_away(
    booking: Service, customer: Person, admin: Person
) -> None:
    """A12, A11: nobody answers in its place, and the view says so."""
    job, one = await customer.ordered(), offer("dan")

    async def dispatch(question: ViewDispatch) -> DispatchView:
        return DispatchView(job_id=question.job_id, attempts=[search(one)])

    async with serve(booking.nc, "matching", "0.0.0", [Endpoint(ViewDispatch, dispatch)]):
        await booking.nc.flush()
        view = answered(await admin.asks("GET", f"/{job['id']}/dispatch"), 200)
    assert (view["pushes"], view["pushes_refused"]) == (None, "unavailable")
    assert [offer["pushes"] for offer in view["attempts"][0]["offers"]] == [None]


@pytest.mark.parametrize("trouble", ["refusing", "hanging"])
async def test_push_in_trouble_does_not_hold_up_the_view(
    booking: Service, customer: Person, admin: Person, trouble: str
) -> None:
    """A12, A11: it refuses, or it never answers; what matching tells comes all the same."""
    job, one, never = await customer.ordered(), offer("dan"), asyncio.Event()

    async def pushes(_: ViewPushes) -> JobPushes:
        if trouble == "hanging":
            await never.wait()
        raise ProblemError("unavailable", "The database is not answering; try again", 503)

    async with answering(booking, [search(one)], pushes):
        view = answered(await admin.asks("GET", f"/{job['id']}/dispatch"), 200)
        never.set()
    assert (view["pushes"], view["pushes_refused"]) == (None, "unavailable")
    assert [UUID(offer["id"]) for offer in view["attempts"][0]["offers"]] == [one.id]


async def test_a_customers_view_of_the_search_does_not_ask_push(booking: Service, customer: Person) -> None:
    """B12: how far a search is has nothing to do with phones, and is asked often."""
    job, asked = await customer.ordered(), list[ViewPushes]()

    async def pushes(question: ViewPushes) -> JobPushes:
        asked.append(question)
        return JobPushes(job_id=question.job_id, notifications=[])

    async with answering(booking, [search(offer("dan"))], pushes):
        answered(await customer.asks("GET", f"/{job['id']}/search"), 200)
    assert asked == []
