"""A push service in trouble is nobody else's trouble (A11), and neither is our own death."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url

from apns_standin import Script
from contracts.events import SearchTimedOut
from contracts.ids import new_id
from stack.ports import Reservation

from .processes import spawned

World = Any


def news(customer: str) -> SearchTimedOut:
    return SearchTimedOut(job_id=new_id(), customer_id=customer, search_id=new_id(), attempt=1, tried=0)


async def test_while_apns_hangs_events_are_recorded_and_requests_answered(stopped: World) -> None:
    """A11: more events than there are places for pushes, and every place waits for an answer."""
    await stopped.start(push_concurrency=5, push_timeout_seconds=30, drain_seconds=0.5)
    tokens = [await stopped.register("user") for _ in range(10)]
    stopped.apns.script("*", Script(hang_s=60))
    count = 20
    for _ in range(count):
        await stopped.happens(news("user"))
    assert len(await stopped.told("user", count)) == count
    page = await stopped.notifications("user")
    assert (len(page["items"]), page["unread"]) == (count, count)
    states = [row.state for token in tokens for row in await stopped.deliveries(token)]
    assert states == ["pending"] * count * len(tokens)
    await stopped.apns.next_push(timeout_s=60)
    assert 0 < len(stopped.apns.pushes()) <= 5


async def test_an_answer_that_never_comes_is_not_waited_for(stopped: World) -> None:
    """A11: the only place there is comes free after the push timeout."""
    await stopped.start(push_concurrency=1, push_timeout_seconds=0.5)
    hanging, well = await stopped.register("ann"), await stopped.register("bob")
    stopped.apns.script(hanging, Script(hang_s=60, times=1))
    await stopped.happens(news("ann"))
    first = await stopped.apns.next_push(hanging)
    await stopped.happens(news("bob"))
    await stopped.settled(well, "sent")
    row = await stopped.settled(hanging, "sent")
    again = await stopped.apns.next_push(hanging, after=first.seq)
    assert (row.attempts, again.apns_id) == (2, first.apns_id)


async def test_a_late_answer_harms_nobody_else_on_the_connection(stopped: World) -> None:
    """A11: aioapns would end the connection over it, with everybody's requests."""
    await stopped.start(push_timeout_seconds=3, apns_connections=1)
    late, patient = await stopped.register("ann"), await stopped.register("bob")
    stopped.apns.script(late, Script(hang_s=4, times=1))
    stopped.apns.script(patient, Script(hang_s=1.5))
    await stopped.happens(news("ann"))
    await stopped.apns.next_push(late)
    for _ in range(3):
        await stopped.happens(news("bob"))
        await stopped.apns.next_push(patient)
        await asyncio.sleep(1)
    await stopped.settled(late, "sent")
    await stopped.settled(patient, "sent", "sent", "sent")
    pushes = stopped.apns.pushes()
    assert len(pushes) > 3, "the late one was tried again"
    assert {push.connection for push in pushes} == {pushes[0].connection}


async def test_when_apns_is_not_there_pushes_wait_and_go_out_when_it_comes(stopped: World) -> None:
    """A11"""
    reservation = Reservation()
    await stopped.start(apns_port=reservation.port())
    token = await stopped.register("user")
    await stopped.happens(news("user"))
    await stopped.told("user")
    async with asyncio.timeout(60):
        while (row := (await stopped.deliveries(token))[0]).last_reason is None:
            await asyncio.sleep(0.02)
    assert row.state == "pending"
    await stopped.stop()
    reservation.release()
    await stopped.start()
    assert (await stopped.settled(token, "sent")).attempts >= 2


async def test_a_killed_service_sends_after_its_restart_what_it_had_not_written_back(stopped: World) -> None:
    """A11, B13: kill -9 between sending and writing back; the copy takes the place of the first."""
    settings: dict[str, Any] = {"push_timeout_seconds": 1.0, "environment": "development"}
    process = await spawned(stopped, **settings)
    try:
        token = await stopped.register("user")
        stopped.apns.script(token, Script(hang_s=60, times=1))
        await stopped.happens(news("user"))
        first = await stopped.apns.next_push(token)
    finally:
        process.kill()
        await process.wait()
    assert [row.state for row in await stopped.deliveries(token)] == ["pending"]
    await stopped.start(**settings)
    row = await stopped.settled(token, "sent")
    first, copy = stopped.apns.pushes(token)
    assert copy.apns_id == first.apns_id == str(row.id)
    assert copy.headers == first.headers
    assert (row.attempts, (await stopped.notifications("user"))["unread"]) == (2, 1)


async def test_a_push_that_is_answered_while_the_database_is_away_is_sent_once(world: World) -> None:
    """A11, B13: what became of it waits, and is written back before anything is sent again."""
    token, before = await world.register("user"), await sent(world)
    world.apns.script(token, Script(hang_s=3, times=1))
    await world.happens(news("user"))
    await world.apns.next_push(token)
    async with away(world):
        async with asyncio.timeout(60):
            while await sent(world) == before:
                await asyncio.sleep(0.05)
        assert (await world.http.get("/readyz")).json()["failing"].keys() == {"database"}
    row = await world.settled(token, "sent")
    assert (row.attempts, len(world.apns.pushes(token))) == (1, 1)


async def sent(world: World) -> list[str]:
    """How many pushes were, as the metrics have it."""
    lines = (await world.http.get("/metrics")).text.splitlines()
    return [line for line in lines if line.startswith('waggle_pushes_total{result="sent"}')]


@asynccontextmanager
async def away(world: World) -> AsyncIterator[None]:
    """The service's database lets nobody in, and ends the sessions it has."""
    url = make_url(world.database_url)
    server = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    superuser = await asyncpg.connect(server)
    await superuser.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false')
    ended = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = $1"
    await superuser.execute(ended, url.database)
    try:
        yield
    finally:
        await superuser.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS true')
        await superuser.close()
