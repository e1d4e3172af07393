"""A restored database catches up with what the streams know."""

from typing import TYPE_CHECKING

import pytest

from booking.replay import main as replay

from .people import PATIENCE_S, answered
from .restoring import copied, created, lose, rows, running, settings

if TYPE_CHECKING:  # the root's; pytest imports it under no name
    from conftest import Backend

pytestmark = pytest.mark.timeout(240)


async def test_a_database_restored_to_an_earlier_point_catches_up(
    backend: "Backend", silent_bus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B13, DESIGN invariants 1, 5 and 6: jobs that came since, and those that went on since."""
    database = await created(backend)
    async with running(silent_bus, database) as booking:
        ann, dan = booking.person("user"), booking.person("pilot")
        going_on, waiting = await ann.ordered(), await ann.ordered()
        await booking.assigns(going_on, dan.sub)
        await booking.ear.about(going_on, 2)
    restored = await copied(backend, database)
    async with running(silent_bus, database) as booking:
        ann, dan = booking.person("user", ann.sub), booking.person("pilot", dan.sub)
        answered(await dan.moves(going_on, "en_route"), 200)
        answered(await ann.cancels(waiting), 200)
        ordered, decided = await ann.ordered(), await ann.ordered()
        await booking.assigns(decided, "somebody")
        await booking.ear.about(decided, 2)
        await booking.ear.about(going_on, 1)
        await booking.ear.about(waiting, 1)
    truth = await rows(database)
    assert await rows(restored) != truth

    monkeypatch.setattr("booking.replay.AT_ONCE", 1)  # so that a job's events come in several batches
    first = await replay(settings(silent_bus, restored))
    assert (first.jobs, first.decisions) == (4, 1)
    assert await rows(restored) == truth
    again = await replay(settings(silent_bus, restored))
    assert (again.jobs, again.decisions) == (0, 0)

    async with running(silent_bus, restored) as booking:
        ann = booking.person("user", ann.sub)
        listed = answered(await ann.asks("GET"), 200)["items"]
        assert {ordered["id"], decided["id"]} <= {one["id"] for one in listed}
        assert (await ann.ordered())["number"] > decided["number"]


async def test_a_decision_whose_news_never_left_the_lost_database_is_applied(
    backend: "Backend", silent_bus: str
) -> None:
    """Invariant 6: booking had acknowledged the assignment, and died with the letter in its outbox."""
    database = await created(backend)
    async with running(silent_bus, database) as booking:
        job = await booking.person("user").ordered()
    restored = await copied(backend, database)
    async with running(silent_bus, database) as booking:
        await booking.assigns(job, "somebody")
        await booking.ear.about(job, 1)
        await lose(booking, f"job.status_changed.{job['id']}.*.*")
    await replay(settings(silent_bus, restored))
    (row,) = [one for one in await rows(restored) if str(one["id"]) == job["id"]]
    assert (row["status"], row["version"]) == ("accepted", 2)
    async with running(silent_bus, restored) as booking:
        changes = await booking.nc.jetstream().subscribe(
            f"job.status_changed.{job['id']}.*.*", ordered_consumer=True
        )
        assert (await changes.next_msg(PATIENCE_S)).data
