"""How long a restarted matcher fills its map: from rows of PostgreSQL and the last values of a stream."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from nats.aio.client import Client
from sqlalchemy import insert

from bench.drivers import Place
from contracts.events import DriverLocated
from contracts.streams import LOCATIONS
from matching import positions
from matching.mapping import fill
from matching.regions import region_of
from matching.settings import Settings
from matching.store import DriverRow
from matching.supply import Supply
from stack.parts import parts
from wire.bootstrap import ensure_stream
from wire.migrate import upgrade
from wire.sql import Database, open_database

A_BATCH = 5_000
STORED_S = 60.0


def rebuild_s(drivers: Sequence[str], places: Sequence[Place]) -> float:
    """Seconds from an empty map to a full one, with a real nats-server and a real PostgreSQL."""
    return asyncio.run(_rebuild(drivers, places))


async def _rebuild(drivers: Sequence[str], places: Sequence[Place]) -> float:
    async with parts() as house:
        url = await house.fresh_database()
        await upgrade("matching", url)
        nc = Client()
        await nc.connect(house.nats_url)
        settings = Settings(nats_url=house.nats_url, database_url=url, http_port=1, jwt_key=house.jwt_key)
        async with open_database(settings, lambda _letters: None) as database:
            await _online(database, drivers)
            await _locate(nc, drivers, places)
            supply, before = Supply(), time.perf_counter()
            await fill(database, supply)
            await positions.fill(nc, supply, {region_of(*place) for place in places})
            taken = time.perf_counter() - before
        await nc.close()
    if len(supply) != len(drivers):
        raise RuntimeError(f"{len(supply)} of {len(drivers)} drivers came back")
    return taken


async def _online(database: Database, drivers: Sequence[str]) -> None:
    now = datetime.now(UTC)
    for begin in range(0, len(drivers), A_BATCH):
        rows = [
            {"id": one, "name": one, "approved": True, "online": True, "created_at": now}
            for one in drivers[begin : begin + A_BATCH]
        ]
        async with database.transaction() as tx:
            await tx.session.execute(insert(DriverRow), rows)


async def _locate(nc: Client, drivers: Sequence[str], places: Sequence[Place]) -> None:
    """Positions as the edges send them, over core NATS; until the stream has them all."""
    await ensure_stream(nc, LOCATIONS)
    for number, (driver, (lat, lng)) in enumerate(zip(drivers, places, strict=True)):
        there = DriverLocated(driver_id=driver, lat=lat, lng=lng, recorded_at=datetime.now(UTC))
        await nc.publish(there.subject(region_of(lat, lng)), there.model_dump_json().encode())
        if number % A_BATCH == 0:
            await nc.flush()
    await nc.flush()
    async with asyncio.timeout(STORED_S):
        while (await nc.jetstream().stream_info(LOCATIONS.name)).state.messages < len(drivers):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
