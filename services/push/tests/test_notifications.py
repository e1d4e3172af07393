"""The history that the apps show (A4)."""

from typing import Any
from uuid import uuid4

from contracts.events import SearchTimedOut
from contracts.ids import new_id

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
    assert (item["read_at"], page["unread"], page["next"]) == (None, 1, None)


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
