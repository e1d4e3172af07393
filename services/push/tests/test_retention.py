"""What nobody asks for any more is forgotten, a batch at a time, and nothing else is."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from contracts.events import SearchTimedOut
from contracts.ids import new_id
from push import retention, store
from wire.sql import open_database

World = Any

AGED = {
    "notifications": ("notification", "created_at", store.forget_notifications, timedelta(days=90)),
    "devices": ("device", "last_seen", store.forget_devices, timedelta(days=270)),
    "ended": ("ended", "ended_at", store.forget_ended, timedelta(days=1)),
}


async def run(world: World, statement: str, **values: Any) -> Any:
    async with world.engine.begin() as connection:
        done = await connection.execute(text(statement), values)
        return done.scalar() if done.returns_rows else None


@pytest.mark.parametrize("kind", AGED)
async def test_what_is_too_old_is_forgotten_a_batch_at_a_time(
    stopped: World, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A4, A10: five that are too old, in batches of two, and one that is not yet."""
    table, column, forget, age = AGED[kind]
    await _five_and_one(stopped)
    minute = timedelta(minutes=1)
    await run(stopped, f"UPDATE {table} SET {column} = now() - CAST(:age AS interval)", age=age + minute)
    young = f"(SELECT {KEYS[table]} FROM {table} ORDER BY {KEYS[table]} DESC LIMIT 1)"
    young_age = age - timedelta(hours=1)
    age_it = f"UPDATE {table} SET {column} = now() - CAST(:age AS interval)"
    await run(stopped, f"{age_it} WHERE {KEYS[table]} = {young}", age=young_age)
    monkeypatch.setattr(retention, "BATCH", 2)
    async with open_database(stopped.settings(), lambda _letters: None) as database:
        await retention.forget_older(database, forget, age)
    assert await run(stopped, f"SELECT count(*) FROM {table}") == 1
    left = 1 if kind == "notifications" else 6
    assert await run(stopped, "SELECT count(*) FROM delivery") == left


KEYS = {"notification": "id", "device": "token", "ended": "id"}


NOTIFICATION = """INSERT INTO notification
    (id, user_id, title, body, kind, data, collapse_id, event_id, created_at)
    VALUES (:id, 'ann', '', '', 'test', '{}', '', :id, now())"""
DELIVERY = """INSERT INTO delivery
    (id, notification_id, token, state, attempts, expires_at, next_attempt_at)
    VALUES (:id, :id, :token, 'sent', 1, now(), now())"""
DEVICE = """INSERT INTO device VALUES
    (:token, 'ann', 'ios', 'app', 'production', now(), now())"""
ENDED = "INSERT INTO ended VALUES (:id, now())"


async def _five_and_one(world: World) -> None:
    for n in range(6):
        row = {"id": new_id(), "token": f"{n:064x}"}
        for statement in (NOTIFICATION, DELIVERY, DEVICE, ENDED):
            await run(world, statement, **{name: row[name] for name in row if f":{name}" in statement})


async def test_the_service_forgets_what_its_settings_say(stopped: World) -> None:
    """A4, A10"""
    await stopped.start()
    token = await stopped.register("ann")
    told = SearchTimedOut(job_id=new_id(), customer_id="ann", search_id=new_id(), attempt=1, tried=0)
    await stopped.happens(told)
    await stopped.settled(token, "sent")
    await stopped.stop()
    await run(stopped, "UPDATE notification SET created_at = now() - interval '3 days'")
    await run(stopped, "UPDATE device SET last_seen = now() - interval '3 days'")
    await stopped.start(notifications_kept_days=4, devices_kept_days=2)
    while await stopped.devices("ann"):
        pass
    assert len((await stopped.notifications("ann"))["items"]) == 1
    await stopped.stop()
    await stopped.start(notifications_kept_days=2)
    while (await stopped.notifications("ann"))["items"]:
        pass
    assert await stopped.deliveries(token) == []
