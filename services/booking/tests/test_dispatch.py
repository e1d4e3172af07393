"""What booking tells of the search for a driver, asking matching. Here somebody else answers in its place."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from booking.dispatch import status_of
from booking.store import BookingRow
from contracts.explained import AttemptView, CandidateView, DecisionView, DispatchView, OfferView
from contracts.requests import ViewDispatch
from wire.problem import ProblemError, not_found
from wire.rpc import Endpoint, serve

from .people import Person, Service, answered, refused

BEGAN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def offers(*drivers: str) -> list[OfferView]:
    """One offer each, in turn."""
    about: dict[str, Any] = {"rung": 0, "state": "expired", "exclusive": True, "created_at": BEGAN}
    return [
        OfferView(id=uuid4(), number=number, driver_id=driver, **about)
        for number, driver in enumerate(drivers, start=1)
    ]


def search(state: str, attempt: int = 1, ended: float | None = None, **more: Any) -> AttemptView:
    """A search that began at `BEGAN` and ended so many seconds later."""
    about = {"state": state, "mode": "cascade", "offers": [], "decisions": [], "others": []} | more
    times = {"started_at": BEGAN, "ended_at": None if ended is None else after(ended)}
    return AttemptView.model_validate({"search_id": uuid4(), "attempt": attempt} | about | times)


def booking_row(status: str, attempt: int = 1, changed: float = 0) -> BookingRow:
    """A booking whose last change was so many seconds after `BEGAN`."""
    return BookingRow(
        id=uuid4(),
        number="WG-1",
        customer_id="ann",
        service_type="courier",
        status=status,
        attempt=attempt,
        total_price=Decimal(1),
        created_at=BEGAN,
        updated_at=after(changed),
    )


@dataclass
class Matching:
    """Answers with what it knows of each job, as told before; 404 for others."""

    known: dict[UUID, list[AttemptView]] = field(default_factory=dict)
    asked: list[ViewDispatch] = field(default_factory=list)

    async def answer(self, question: ViewDispatch) -> DispatchView:
        self.asked.append(question)
        if question.job_id not in self.known:
            raise not_found("job")
        return DispatchView(job_id=question.job_id, attempts=self.known[question.job_id])


@pytest.fixture
async def matching(booking: Service) -> AsyncIterator[Matching]:
    stand_in = Matching()
    async with serve(booking.nc, "matching", "0.0.0", [Endpoint(ViewDispatch, stand_in.answer)]):
        await booking.nc.flush()
        yield stand_in


async def test_admin_is_told_how_a_job_was_dispatched(
    matching: Matching, customer: Person, admin: Person
) -> None:
    """A12, E4: as matching tells it, of all drivers or of one."""
    job = await customer.ordered()
    decision = DecisionView(
        at=BEGAN, rung=0, policy="cascade", candidates=[CandidateView(driver_id="d", gate="busy")]
    )
    attempts = [search("failed", offers=offers("d"), decisions=[decision], failure="none_in_area")]
    matching.known[UUID(job["id"])] = attempts
    told = answered(await admin.asks("GET", f"/{job['id']}/dispatch"), 200)
    as_told = DispatchView(job_id=job["id"], attempts=attempts, pushes_refused="unavailable")
    assert told == as_told.model_dump(mode="json")
    answered(await admin.asks("GET", f"/{job['id']}/dispatch", params={"driver_id": "auth0|d é"}), 200)
    assert [(str(one.job_id), one.driver_id, one.offers_only) for one in matching.asked] == [
        (job["id"], None, False),
        (job["id"], "auth0|d é", False),
    ]


async def test_job_that_matching_has_not_heard_of_was_not_dispatched(
    matching: Matching, customer: Person, admin: Person
) -> None:
    """A12"""
    job = await customer.ordered()
    told = answered(await admin.asks("GET", f"/{job['id']}/dispatch"), 200)
    assert (told["job_id"], told["attempts"]) == (job["id"], [])
    assert len(matching.asked) == 1


async def test_only_admins_are_told_how_a_job_was_dispatched(
    booking: Service, matching: Matching, customer: Person, driver: Person
) -> None:
    """A12: neither its customer nor its driver, whether there is such a job or not."""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    for person in (customer, driver):
        for booking_id in (job["id"], uuid4()):
            refused(await person.asks("GET", f"/{booking_id}/dispatch"), 403, "forbidden")
    assert not matching.asked


@pytest.mark.parametrize("view", ["dispatch", "search"])
async def test_unknown_job_is_not_asked_about(matching: Matching, admin: Person, view: str) -> None:
    """A12, B12: booking knows which jobs there are."""
    refused(await admin.asks("GET", f"/{uuid4()}/{view}"), 404, "not_found")
    refused(await admin.asks("GET", f"/nonsense/{view}"), 422, "invalid")
    assert not matching.asked


@pytest.mark.parametrize("driver_id", ["", "d" * 256, "é" * 128])
async def test_driver_id_that_no_token_can_name_is_refused(
    matching: Matching, customer: Person, admin: Person, driver_id: str
) -> None:
    """A12: 1 to 255 bytes, as the `sub` of a token."""
    job = await customer.ordered()
    answer = await admin.asks("GET", f"/{job['id']}/dispatch", params={"driver_id": driver_id})
    refused(answer, 422, "invalid")
    answered(await admin.asks("GET", f"/{job['id']}/dispatch", params={"driver_id": "d" * 255}), 200)
    assert [one.driver_id for one in matching.asked] == ["d" * 255]


@pytest.mark.parametrize("view", ["dispatch", "search"])
async def test_without_matching_the_answer_is_unavailable(customer: Person, admin: Person, view: str) -> None:
    """A12, B12: nobody answers on the bus; the booking itself can be seen all the same."""
    job = await customer.ordered()
    refused(await admin.asks("GET", f"/{job['id']}/{view}"), 503, "unavailable")
    assert await customer.sees(job) == job


async def test_trouble_in_matching_is_not_taken_for_an_unknown_job(
    booking: Service, customer: Person, admin: Person
) -> None:
    """A12, B12"""

    async def answer(_: ViewDispatch) -> DispatchView:
        raise ProblemError("unavailable", "The database is not answering; try again", 503)

    job = await customer.ordered()
    async with serve(booking.nc, "matching", "0.0.0", [Endpoint(ViewDispatch, answer)]):
        await booking.nc.flush()
        for view in ("dispatch", "search"):
            refused(await admin.asks("GET", f"/{job['id']}/{view}"), 503, "unavailable")


async def test_search_status_is_told_in_the_apps_words(
    booking: Service, matching: Matching, customer: Person
) -> None:
    """B12: from the order over a first and a second search to the driver; tries start again with a retry."""
    job = await customer.ordered()
    known = matching.known.setdefault(UUID(job["id"]), [])

    async def status() -> dict[str, Any]:
        told = answered(await customer.asks("GET", f"/{job['id']}/search"), 200)
        assert told.pop("elapsedMs") >= 0
        return told

    def expected(state: str, tried: int) -> dict[str, Any]:
        return {"isSearching": state == "searching", "triedPilots": tried, "status": state}

    assert await status() == expected("searching", 0)
    known.append(search("searching", offers=offers("a", "b")))
    assert await status() == expected("searching", 2)
    known[0] = search("timed_out", ended=120, offers=offers("a", "b", "c"))
    await booking.times_out(job)
    assert await status() == expected("timed_out", 3)
    answered(await customer.retries(job), 200)
    assert await status() == expected("searching", 0)
    known.append(search("assigned", attempt=2, ended=3, offers=offers("a"), driver_id="a"))
    await booking.assigns(job, "a", attempt=2)
    assert await status() == expected("assigned", 1)
    assert all(question.offers_only for question in matching.asked)


async def test_search_status_is_for_those_who_may_see_the_booking(
    booking: Service, matching: Matching, customer: Person, driver: Person, admin: Person
) -> None:
    """B12, C6"""
    job = await customer.ordered()
    await booking.assigns(job, driver.sub)
    for person in (customer, driver, admin):
        answered(await person.asks("GET", f"/{job['id']}/search"), 200)
    for stranger in (booking.person("user"), booking.person("pilot")):
        refused(await stranger.asks("GET", f"/{job['id']}/search"), 404, "not_found")
    assert len(matching.asked) == 3


@pytest.mark.parametrize(
    ("row", "attempts", "expected"),
    [
        (booking_row("pending"), [], ("searching", 0, 10)),
        (booking_row("pending"), [search("searching", offers=offers("a"))], ("searching", 1, 10)),
        (booking_row("pending"), [search("searching", offers=offers("a", "b", "a"))], ("searching", 2, 10)),
        # matching is ahead of booking
        (booking_row("pending"), [search("failed", ended=4)], ("failed", 0, 4)),
        (booking_row("pending"), [search("assigned", ended=4, offers=offers("a"))], ("assigned", 1, 4)),
        # both know
        (booking_row("unfulfilled", changed=5), [search("failed", ended=4)], ("failed", 0, 4)),
        (booking_row("accepted", changed=5), [search("assigned", ended=4)], ("assigned", 0, 4)),
        (booking_row("completed", changed=9), [search("assigned", ended=4)], ("assigned", 0, 4)),
        (booking_row("cancelled", changed=5), [search("cancelled", ended=6)], ("cancelled", 0, 6)),
        # booking is ahead of matching
        (booking_row("cancelled", changed=5), [search("searching", offers=offers("a"))], ("cancelled", 1, 5)),
        (booking_row("cancelled", changed=5), [], ("cancelled", 0, 0)),
        # after a retry: nobody counts as tried, the time starts again
        (booking_row("pending", 2, changed=7), [search("failed", ended=4)], ("searching", 0, 3)),
        (
            booking_row("pending", 2, changed=7),
            [search("failed", ended=4, offers=offers("a")), search("searching", 2, offers=offers("b"))],
            ("searching", 1, 10),
        ),
        # matching's clock goes before ours
        (booking_row("pending", changed=11), [], ("searching", 0, 0)),
    ],
)
def test_search_status_of_what_booking_and_matching_know(
    row: BookingRow, attempts: list[AttemptView], expected: tuple[str, int, float]
) -> None:
    """B12: ten seconds after the first search began, in every state and while one of them is behind."""
    told = status_of(row, DispatchView(job_id=row.id, attempts=attempts), after(10))
    state, tried, seconds = expected
    assert told.model_dump(by_alias=True) == {
        "isSearching": state == "searching",
        "triedPilots": tried,
        "status": state,
        "elapsedMs": seconds * 1000,
    }
