"""Reading a stream by direct gets, on a real server."""

import nats
import nats.errors
import pytest
from nats.js.errors import APIError

from contracts.streams import LOCATIONS
from contracts.subjects import locations_in, locations_of
from wire import direct


@pytest.fixture
async def nc(nats_url):
    client = await nats.connect(nats_url)
    yield client
    await client.close()


async def _put(nc, cell, driver, body="x"):
    await nc.jetstream().publish(f"driver.location.{cell}.{driver}", body.encode())


async def _read(nc, cell):
    return [one.data.decode() async for one in direct.matching(nc, LOCATIONS.name, locations_in(cell))]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
async def test_every_message_of_a_subject_comes_once_and_in_order(nc, monkeypatch, count):
    """B13: whatever the size of a page, and whatever else lies between."""
    monkeypatch.setattr(direct, "A_PAGE", 2)
    for number in range(count):
        await _put(nc, f"mine{count}", f"driver{number}", str(number))
        await _put(nc, f"other{count}", f"driver{number}", "other")
    assert await _read(nc, f"mine{count}") == [str(number) for number in range(count)]


async def test_the_last_of_each_subject(nc):
    """C3: of one driver, in every region that it was in."""
    for cell, body in (("a", "old"), ("b", "there"), ("a", "new")):
        await _put(nc, cell, "ada", body)
    await _put(nc, "a", "bob", "bob")
    asked = [locations_of("ada"), locations_of("nobody")]
    assert {one.data for one in await direct.last_of(nc, LOCATIONS.name, asked)} == {b"new", b"there"}
    assert await direct.last_of(nc, LOCATIONS.name, [locations_of("nobody")]) == []


async def test_more_than_the_server_answers_at_once_is_refused(nc):
    """Not cut short: whoever asks must ask for less."""
    for number in range(direct.MOST_LAST + 1):
        await _put(nc, "many", f"driver{number}")
    assert len(await _read(nc, "many")) == direct.MOST_LAST + 1
    with pytest.raises(APIError):
        await direct.last_of(nc, LOCATIONS.name, [locations_in("many")])


async def test_a_stream_that_is_not_there_is_no_empty_one(nc):
    with pytest.raises(nats.errors.NoRespondersError):
        await direct.last_of(nc, "NONE", ["none.*"])
