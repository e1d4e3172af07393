"""A replay that dies on its way is run again: nothing is lost by that, and nothing happens twice."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from booking.replay import main as replay

from .people import answered
from .restoring import copied, created, lose, rows, running, settings

if TYPE_CHECKING:  # the root's; pytest imports it under no name
    from conftest import Backend

pytestmark = pytest.mark.timeout(300)
LETTERS = "SELECT subject FROM outbox ORDER BY subject"
APPLIED = "SELECT consumer, event_id FROM inbox ORDER BY consumer, event_id"
NEXT_NUMBER = "SELECT nextval('booking_number') AS number"


async def killed(bus: str, database_url: str, before_commit: int) -> bool:
    """Whether it came so far; if not, it ended as it should."""
    victim = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).parent / "replay_victim.py"),
        bus,
        database_url,
        str(before_commit),
    )
    status = await victim.wait()
    assert status in (0, -signal.SIGKILL)
    return status != 0


async def left(database_url: str) -> dict[str, Any]:
    """What a replay changes, but for the time of it: jobs, what was applied, what is to be told, the next
    number."""
    queries = {"letters": LETTERS, "applied": APPLIED, "number": NEXT_NUMBER}
    told = {name: await rows(database_url, query) for name, query in queries.items()}
    jobs = [{name: row[name] for name in row.keys() - {"updated_at"}} for row in await rows(database_url)]
    return {"jobs": jobs, **told}


async def lost_and_restored(backend: "Backend", bus: str) -> str:
    """The URL of a database that knows nothing of: a step, a new job, a decision whose news got out, and one
    whose news did not."""
    database = await created(backend)
    async with running(bus, database) as booking:
        ann, dan = booking.person("user"), booking.person("pilot")
        under_way, waiting = await ann.ordered(), await ann.ordered()
        await booking.assigns(under_way, dan.sub)
        await booking.ear.about(under_way, 2)
        await booking.ear.about(waiting, 1)
    restored = await copied(backend, database)
    async with running(bus, database) as booking:
        ann, dan = booking.person("user", ann.sub), booking.person("pilot", dan.sub)
        answered(await dan.moves(under_way, "en_route"), 200)
        ordered = await ann.ordered()
        await booking.assigns(ordered, "somebody")
        await booking.assigns(waiting, "another")
        await booking.ear.about(ordered, 2)
        await booking.ear.about(waiting, 1)
        await booking.ear.about(under_way, 1)
        await lose(booking, f"job.status_changed.{waiting['id']}.*.*")
    return restored


async def test_a_replay_killed_before_any_of_its_commits_is_made_good_by_the_next(
    backend: "Backend", silent_bus: str
) -> None:
    """B13, DESIGN invariants 1, 5 and 6: between two batches, inside a batch, between two decisions and
    inside one. What a kill leaves, the next replay ends in what one alone ends in."""
    restored = await lost_and_restored(backend, silent_bus)
    whole = await copied(backend, restored)
    await replay(settings(silent_bus, whole))
    expected = await left(whole)
    assert len(expected["jobs"]) == len(expected["applied"]) == 3
    assert len(expected["letters"]) == 1 + len(await rows(restored, LETTERS))

    kills, standings = 0, []
    while await killed(silent_bus, broken := await copied(backend, restored), kills + 1):
        kills += 1
        standings.append(await rows(broken, "SELECT id, version FROM booking ORDER BY id"))
        await replay(settings(silent_bus, broken))
        assert await left(broken) == expected, f"killed before commit {kills}"
        again = await replay(settings(silent_bus, broken))
        assert (again.jobs, again.decisions) == (0, 0)
    assert await left(broken) == expected, "which was not killed"
    half_way = [standing for standing in standings if standing not in (standings[0], standings[-1])]
    assert half_way, "some were killed with a part of the jobs taken over"
