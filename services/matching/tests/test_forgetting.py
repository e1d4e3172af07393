"""What is kept for the why-not view, and for how long."""

from datetime import timedelta

from sqlalchemy import text

from matching import decisions
from wire.outbox import Outbox
from wire.sql import open_database

OLD = timedelta(days=31)


async def kept(world, table, driver_id):
    where = (
        "driver_id = :driver" if table == "driver_standing" else "candidates::text LIKE '%' || :driver || '%'"
    )
    async with world.engine.connect() as connection:
        counted = await connection.execute(
            text(f"SELECT count(*) FROM {table} WHERE {where}"), {"driver": driver_id}
        )
        return counted.scalar_one()


async def test_old_reasons_are_forgotten_and_how_each_driver_stands_is_not(world):
    """A12: decisions and standings of a month ago go; the newest standing of each driver stays."""
    place = world.place()
    driver = await world.driver(place)
    await world.created(world.job(place))
    await world.until(lambda: any(getattr(one, "driver_id", None) == driver for one in world.heard))
    assert await kept(world, "decision", driver) == 1
    assert await kept(world, "driver_standing", driver) == 2  # registered; online
    async with open_database(world.settings, Outbox().hand_over) as database:
        async with database.transaction() as tx:
            await decisions.forget(tx, tx.now - OLD)
        assert await kept(world, "decision", driver) == 1
        assert await kept(world, "driver_standing", driver) == 2
        async with database.transaction() as tx:
            await decisions.forget(tx, tx.now + timedelta(seconds=1))
    assert await kept(world, "decision", driver) == 0
    assert await kept(world, "driver_standing", driver) == 1
