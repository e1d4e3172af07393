"""The history that the apps show (A4)."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from contracts.events import (
    AssignmentCreated,
    DispatchMode,
    JobCancelled,
    JobStatusChanged,
    OfferCreated,
    SearchFailed,
    SearchFailure,
    SearchTimedOut,
)
from contracts.ids import new_id
from contracts.models import DriverCard, Job, JobStatus

World = Any


async def timed_out(world: World, customer: str, count: int = 1) -> None:
    """Notify this customer so often, each time before the next."""
    for n in range(1, count + 1):
        fields = {"job_id": new_id(), "customer_id": customer, "search_id": new_id(), "attempt": 1}
        await world.happens(SearchTimedOut(**fields, tried=n))
        await world.told(customer, n)


async def test_a_step_of_the_search_is_recorded_and_announced(world: World) -> None:
    """A4, C10: with title, body, type, data, created_at, read_at; and on the bus for the edge."""
    await timed_out(world, "ann")
    (announced,) = await world.told("ann")
    page = await world.notifications("ann")
    (item,) = page["items"]
    assert item["id"] == str(announced.notification_id)
    assert (item["title"], item["body"]) == (announced.title, announced.body)
    assert (item["type"], item["data"]) == (announced.kind, announced.data)
    assert item["type"] == "job_update"
    assert datetime.fromisoformat(item["created_at"]) == announced.created_at
    assert (item["read_at"], page["unread"], page["next"]) == (None, 1, None)


def job(status: JobStatus = JobStatus.pending) -> Job:
    fields = {"id": new_id(), "number": "WG-1", "customer_id": "ann", "service_type": "haul", "version": 1}
    now = datetime.now(UTC)
    told = {
        "status": status,
        "address": "12 Main St",
        "total_price": 45,
        "created_at": now,
        "updated_at": now,
    }
    return Job(**(fields | told))


async def test_each_driver_notified_and_the_customer_at_each_step_have_a_record(world: World) -> None:
    """A4, A2, A6, B2, B8, B9, B11, C12: in the words of the push, whether or not there is a phone."""
    ordered = job()
    about: dict[str, Any] = {"job_id": ordered.id, "customer_id": "ann"}
    search = about | {"search_id": new_id(), "attempt": 1}
    for exclusive in (False, True):
        offer = search | {"driver_id": "dan", "offer_id": new_id(), "number": 1, "exclusive": exclusive}
        await world.happens(OfferCreated(**offer, job=ordered))
    card, mode = DriverCard(id="dan", name="Dan"), DispatchMode.broadcast
    await world.happens(AssignmentCreated(**search, driver_id="dan", mode=mode, driver=card))
    for status in (JobStatus.en_route, JobStatus.arrived, JobStatus.in_progress, JobStatus.completed):
        moved = JobStatusChanged(**about, driver_id="dan", job=job(status), previous=JobStatus.accepted)
        await world.happens(moved)
    off = job(JobStatus.cancelled)
    await world.happens(JobCancelled(**about, driver_id="dan", job=off, cancelled_by="admin"))
    await world.happens(SearchFailed(**search, reason=SearchFailure.max_tries, tried=10))
    await world.happens(SearchTimedOut(**search, tried=3))
    expected = {
        "dan": [
            ("New Job Nearby", "12 Main St - $45"),
            ("New Delivery Offer", "12 Main St - $45"),
            ("Job Cancelled", "This job has been cancelled"),
        ],
        "ann": [
            ("Driver Assigned", "A driver has been assigned to your job!"),
            ("Driver On The Way", "Your driver is on the way!"),
            ("Driver Arrived", "Your driver has arrived!"),
            ("Job In Progress", "Your job is in progress!"),
            ("Job Completed", "Your job has been completed!"),
            ("Job Cancelled", "This job has been cancelled"),
            ("No Driver Found", "Maximum retry attempts reached"),
            ("No Driver Found", "No drivers available at the moment. Would you like to try again?"),
        ],
    }
    for person, records in expected.items():
        await world.told(person, len(records))
        items = (await world.notifications(person))["items"]
        assert sorted((item["title"], item["body"]) for item in items) == sorted(records)
        assert {item["data"]["job_id"] for item in items} == {str(ordered.id)}


async def test_the_history_is_paged_newest_first(world: World) -> None:
    """A4"""
    await timed_out(world, "ann", 5)
    newest_first = [str(one.notification_id) for one in await world.told("ann", 5)][::-1]
    seen: list[str] = []
    before: dict[str, str] = {}
    for size in (2, 2, 1):
        page = await world.notifications("ann", limit=2, **before)
        assert (len(page["items"]), page["unread"]) == (size, 5)
        seen += [item["id"] for item in page["items"]]
        before = {"before": page["next"]}
    assert seen == newest_first
    assert page["next"] is None


async def test_notifications_are_marked_read_one_by_one_or_all_at_once(world: World) -> None:
    """A4: reading again changes nothing."""
    await timed_out(world, "ann", 3)
    await timed_out(world, "bob")
    ann = world.auth("ann")
    chosen = (await world.told("ann", 3))[0].notification_id
    first = await world.http.post(f"/v1/notifications/{chosen}/read", headers=ann)
    again = await world.http.post(f"/v1/notifications/{chosen}/read", headers=ann)
    assert first.status_code == 200
    assert first.json()["read_at"] is not None
    assert again.json() == first.json()
    assert (await world.notifications("ann"))["unread"] == 2
    assert (await world.http.post("/v1/notifications/read-all", headers=ann)).json() == {"marked": 2}
    page = await world.notifications("ann")
    assert page["unread"] == 0
    assert all(item["read_at"] for item in page["items"])
    assert (await world.notifications("bob"))["unread"] == 1


async def test_another_users_notification_does_not_exist(world: World) -> None:
    """A4: neither listed nor marked, by nobody, admins included."""
    await timed_out(world, "ann")
    (announced,) = await world.told("ann")
    for sub, role in (("bob", "user"), ("root", "admin")):
        stranger = world.auth(sub, role)
        path = f"/v1/notifications/{announced.notification_id}/read"
        answer = await world.http.post(path, headers=stranger)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert (await world.notifications(sub))["items"] == []
        await world.http.post("/v1/notifications/read-all", headers=stranger)
    assert (await world.notifications("ann"))["unread"] == 1


async def test_bad_questions_get_clear_answers(world: World) -> None:
    for method, path, status in [
        ("GET", "?limit=0", 422),
        ("GET", "?limit=101", 422),
        ("GET", "?before=yesterday", 422),
        ("POST", "/nonsense/read", 422),
        ("POST", f"/{uuid4()}/read", 404),
    ]:
        answer = await world.http.request(method, f"/v1/notifications{path}", headers=world.auth("ann"))
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json"
