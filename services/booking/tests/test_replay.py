"""A restored database catches up with what the streams know."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import nats
import pytest
from sqlalchemy.engine import make_url

from booking.main import main
from booking.replay import main as replay
from booking.settings import Settings
from stack.ports import HOST, Reservation
from stack.ready import http_ok
from wire.migrate import upgrade

from .people import KEY, PATIENCE_S, Service, answered

if TYPE_CHECKING:  # the root's; pytest imports it under no name
    from conftest import Backend

Running = Callable[[str], AbstractAsyncContextManager[Service]]
pytestmark = pytest.mark.timeout(240)


def settings(nats_url: str, database_url: str, port: int = 1) -> Settings:
    return Settings(
        jwt_key=KEY, nats_url=nats_url, database_url=database_url, http_port=port, log_level="error"
    )


@pytest.fixture
async def bus(nats_url: str) -> str:
    """On which nothing was said yet: a stream knows the jobs of one database only."""
    nc = await nats.connect(nats_url)
    await nc.jetstream().purge_stream("DISPATCH")
    await nc.close()
    return nats_url


@pytest.fixture
def running(bus: str) -> Running:
    """Booking on a database of one's choice, for as long as the block runs."""

    @asynccontextmanager
    async def run(database_url: str) -> AsyncIterator[Service]:
        reservation = Reservation()
        port = reservation.port()
        task = asyncio.create_task(main(settings(bus, database_url, port)))
        nc = await nats.connect(bus)
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=PATIENCE_S) as http:
            await http_ok(f"{http.base_url}/readyz")
            service = Service(http, nc, database_url)
            await service.listen()
            yield service
        await nc.close()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        reservation.release()

    return run


async def rows(database_url: str) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    found = await connection.fetch("SELECT * FROM booking ORDER BY id")
    await connection.close()
    return [dict(row) for row in found]


async def test_a_database_restored_to_an_earlier_point_catches_up(
    backend: "Backend", bus: str, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B13, DESIGN invariants 1, 5 and 6: jobs that came since, and those that went on since."""
    database = await backend.fresh_database()
    await upgrade("booking", database)
    async with running(database) as booking:
        ann, dan = booking.person("user"), booking.person("pilot")
        going_on, waiting = await ann.ordered(), await ann.ordered()
        await booking.assigns(going_on, dan.sub)
        await booking.ear.about(going_on, 2)
    restored = await backend.fresh_database(str(make_url(database).database))
    async with running(database) as booking:
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
    first = await replay(settings(bus, restored))
    assert (first.jobs, first.decisions) == (4, 1)
    assert await rows(restored) == truth
    again = await replay(settings(bus, restored))
    assert (again.jobs, again.decisions) == (0, 0)

    async with running(restored) as booking:
        ann = booking.person("user", ann.sub)
        listed = answered(await ann.asks("GET"), 200)["items"]
        assert {ordered["id"], decided["id"]} <= {one["id"] for one in listed}
        assert (await ann.ordered())["number"] > decided["number"]


async def test_a_decision_whose_news_never_left_the_lost_database_is_applied(
    backend: "Backend", bus: str, running: Running
) -> None:
    """Invariant 6: booking had acknowledged the assignment, and died with the letter in its outbox."""
    database = await backend.fresh_database()
    await upgrade("booking", database)
    async with running(database) as booking:
        job = await booking.person("user").ordered()
    restored = await backend.fresh_database(str(make_url(database).database))
    async with running(database) as booking:
        await booking.assigns(job, "somebody")
        await booking.ear.about(job, 1)
        await _lose(booking, f"job.status_changed.{job['id']}.*.*")
    await replay(settings(bus, restored))
    (row,) = [one for one in await rows(restored) if str(one["id"]) == job["id"]]
    assert (row["status"], row["version"]) == ("accepted", 2)
    async with running(restored) as booking:
        changes = await booking.nc.jetstream().subscribe(
            f"job.status_changed.{job['id']}.*.*", ordered_consumer=True
        )
        assert (await changes.next_msg(PATIENCE_S)).data


async def _lose(booking: Service, subject: str) -> None:
    """The stream never had it."""
    js = booking.nc.jetstream()
    message = await js.get_last_msg("DISPATCH", subject)
    assert message.seq
    await js.delete_msg("DISPATCH", message.seq)
