"""Drivers whom a replica does not listen to: it looks where they were last before it says they are gone."""

from datetime import UTC, datetime, timedelta

import nats
import pytest
from sqlalchemy import text

from contracts.events import DriverLocated
from contracts.ids import new_id
from matching import deadlines
from matching.asking import Reach
from matching.availability import Patience
from matching.contact import Watch
from matching.eta import StraightLine
from matching.positions import Whereabouts
from matching.presence import Presence
from matching.regions import region_of
from matching.settings import Settings
from matching.share import Share
from matching.store import DriverRow
from matching.supply import Supply
from wire.migrate import upgrade
from wire.sql import open_database

from .conftest import KEY

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
HERE = (40.7, -74.0)


@pytest.fixture
async def nc(nats_url):
    client = await nats.connect(nats_url)
    yield client
    await client.close()


@pytest.fixture
async def database(backend, nats_url):
    url = await backend.fresh_database()
    await upgrade("matching", url)
    settings = Settings(nats_url=nats_url, database_url=url, jwt_key=KEY)
    async with open_database(settings, lambda _letters: None) as database:
        yield database


async def _at(nc, driver, place, when):
    there = DriverLocated(driver_id=driver, lat=place[0], lng=place[1], recorded_at=when)
    await nc.jetstream().publish(there.subject(region_of(*place)), there.model_dump_json().encode())


def _name():
    return f"driver-{new_id()}"


async def test_the_newest_position_counts_wherever_it_was_sent_from(nc):
    """C3: a driver who left our regions is where it went to, one who came back is here."""
    supply, now = Supply(), datetime.now(UTC)
    whereabouts, left, came, unknown = Whereabouts(nc, supply), _name(), _name(), _name()
    supply.move(left, *HERE, now - timedelta(minutes=1))
    supply.move(came, *HERE, now)
    await _at(nc, left, (50.0, 8.0), now)
    await _at(nc, left, (48.0, 2.0), now - timedelta(seconds=40))
    await _at(nc, came, (50.0, 8.0), now - timedelta(seconds=90))
    seen = await whereabouts.newest([left, came, unknown], now + timedelta(seconds=1))
    assert {driver: (one.lat, one.lng) for driver, one in seen.items()} == {left: (50.0, 8.0), came: HERE}


async def test_more_drivers_than_one_question_may_name(nc):
    """C4: none of them is left out."""
    names = [_name() for _ in range(600)]
    for name in names:
        await _at(nc, name, HERE, datetime.now(UTC))
    assert (await Whereabouts(nc, Supply()).newest(names, datetime.now(UTC))).keys() == set(names)


async def test_a_driver_who_speaks_elsewhere_is_not_silent(nc, database):
    """C4: judged by a replica that hears neither of the two."""
    talking, silent = _name(), _name()
    now = datetime.now(UTC)
    async with database.transaction() as tx:
        for name in (talking, silent):
            kept = {"name": name, "approved": True, "online": True, "created_at": now}
            tx.session.add(DriverRow(id=name, silent_at=now, **kept))
    await _at(nc, talking, HERE, now)
    supply, presence = Supply(), Presence(nc, timedelta(seconds=5))
    presence._since = LONG_AGO
    reach = Reach(supply, StraightLine(), Share(), Whereabouts(nc, supply))
    watch = Watch(database, reach, presence, Patience(silence=timedelta(seconds=60)))
    await watch.end_silences()
    async with database.transaction() as tx:
        online = set(await tx.session.scalars(text("SELECT id FROM driver WHERE online")))
        assert online == {talking}
        assert await deadlines.silent(tx.session, now + timedelta(seconds=59), 10) == []


async def test_while_the_bus_is_away_nobody_is_believed_to_be_silent(nc, database):
    """C4: a last position that cannot be asked for is none that is not there."""
    driver, now = _name(), datetime.now(UTC)
    async with database.transaction() as tx:
        kept = {"name": driver, "approved": True, "online": True, "created_at": now}
        tx.session.add(DriverRow(id=driver, silent_at=now, **kept))
    presence, whereabouts = Presence(nc, timedelta(seconds=5)), Whereabouts(nc, Supply())
    presence._since = LONG_AGO
    watch = Watch(database, Reach(Supply(), StraightLine(), Share(), whereabouts), presence, Patience())
    await nc.jetstream().delete_stream("LOCATIONS")
    with pytest.raises(ConnectionError):
        await watch.end_silences()
    async with database.transaction() as tx:
        assert list(await tx.session.scalars(text("SELECT online FROM driver"))) == [True]
