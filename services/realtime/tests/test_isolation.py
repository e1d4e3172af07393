"""Nobody ever hears of what is not theirs: everybody tries everything, in a busy city (C6, E3)."""

import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest_asyncio
from nats.aio.client import Client

from contracts.models import Role
from realtime.outgoing import OUTGOING
from stack.ports import Reservation

from . import made
from .city import City, Story
from .conftest import Publish, running_edge, settings
from .crowd import Crowd
from .neighbours import Neighbours

CUSTOMERS = ["*", ">", "c", "c.c", "c-*", *(f"c-{number}" for number in range(20))]
DRIVERS = [f"d-{number}" for number in range(15)]
NEVER_ONLINE = DRIVERS[-2:]
ADMINS = ["a-0", "a-1"]


@pytest_asyncio.fixture(scope="module")
async def edges(nats_url: str, ports: Reservation, engine: str) -> AsyncIterator[list[str]]:
    """Two, that let people ask as often as they like."""
    generous = {"engine": engine, "subscribes_per_minute": 1000, "events_per_second": 1000}
    one, two = (settings(nats_url, ports.port(), **generous) for _ in range(2))
    async with running_edge(one) as first, running_edge(two) as second:
        yield [first, second]


def build(chance: random.Random, place: str) -> City:
    """Each customer has a job, and drivers have to do with it in all ways. `place` begins every name."""
    customers, drivers, admins = (
        [f"{place}-{one}" for one in names] for names in (CUSTOMERS, DRIVERS, ADMINS)
    )
    stories = []
    for number, customer in enumerate(customers):
        silent, busy, heir, *shown = chance.sample(drivers, 6)
        has_heir, cancelled, spot = number % 3 == 0, number % 2 == 0, 40 + number / 100
        story = Story(made.job(customer), silent, busy, shown, heir if has_heir else None, cancelled, spot)
        stories.append(story)
    roles = ((Role.user, customers), (Role.pilot, drivers), (Role.admin, admins))
    return City(
        {name: role for role, names in roles for name in names},
        {name for name in drivers if not name.endswith(tuple(NEVER_ONLINE))},
        {str(story.job.id): story for story in stories},
    )


async def test_in_a_busy_city_all_hear_what_is_theirs_and_nothing_else(
    edges: list[str], neighbours: Neighbours, nc: Client, publish: Publish, engine: str
) -> None:
    """A7, B1-B11, C6, C7, C8, C10, E3: every event, on two edges, to people that try to hear more."""
    city = build(random.Random(4), engine)
    crowd = Crowd(city, edges, neighbours, nc)
    await crowd.start()
    await crowd.act(publish, Story.search)
    await crowd.try_all()
    await crowd.leave()
    await crowd.act(publish, Story.assign)
    await crowd.come_back()
    await crowd.try_all()
    await crowd.act(publish, Story.pass_on)
    await crowd.try_all()
    await crowd.act(publish, Story.ride)
    await crowd.act(publish, Story.end)
    for person in city.people:
        for name, payload in crowd.heard(person):
            assert city.may_hear(person, name, payload), (person, name, payload)
    heard = Counter((person, name) for person in city.people for name in crowd.names_heard(person))
    assert {one: heard[one] for one in crowd.due} == crowd.due
    assert crowd.types == set(OUTGOING), "all that is told anybody has happened"
    await crowd.hang_up()
