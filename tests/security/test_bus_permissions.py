"""Who may do what on the bus: asked of a real nats-server with the permissions that the contracts give."""

import json
import re
from collections.abc import AsyncIterator

import nats
import nats.errors
import pytest

from contracts.access import ASKERS, BOOTSTRAP, LISTENERS, PUBLISHERS, SERVICES
from contracts.catalog import Contract, catalog
from contracts.events import BY_TYPE
from contracts.permissions import USERS, inbox_of, owner_of
from contracts.requests import REQUESTS
from contracts.streams import CONSUMERS, STREAMS
from stack.house import House
from stack.running import running
from wire.access import Access
from wire.bootstrap import bootstrap
from wire.keys import new_seeds

from .bus import User, user

CONTRACTS = [one for one in catalog() if one.subject]
REQUEST = {request.subject: request for request in REQUESTS}
ADDRESSES = {one.name: re.sub(r"\{\w+\}", "x", one.subject) for one in CONTRACTS}
EVERYTHING = (">", "*.>", "*.*.*.*.*", "live.>", "*.*.*.x.*", "_INBOX.>", "*.*.>")
CREATION = ("STREAM.CREATE", "STREAM.UPDATE", "STREAM.DELETE", "STREAM.PURGE", "STREAM.SNAPSHOT")
READING = ("STREAM.INFO", "STREAM.MSG.GET", "DIRECT.GET")


@pytest.fixture(scope="module")
async def bus() -> AsyncIterator[House]:
    """nats-server with users, and all streams made by the one who makes them."""
    async with running(services=(), caddy=False, apns=False, durable=False) as house:
        await bootstrap(house.nats_url, Access(house.plan.bus.seeds[BOOTSTRAP]))
        yield house


@pytest.fixture(params=USERS)
async def each(bus: House, request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, User]]:
    async with user(bus, request.param) as connected:
        yield request.param, connected


@pytest.fixture(params=SERVICES)
async def service(bus: House, request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, User]]:
    async with user(bus, request.param) as connected:
        yield request.param, connected


def published_by(name: str, contract: Contract) -> bool:
    if event := BY_TYPE.get(contract.name):
        return event.source == f"/waggle/{name}"
    if request := REQUEST.get(contract.name):
        return name in ASKERS[request]
    return name in PUBLISHERS[contract.name]


def heard_by(name: str, contract: Contract) -> bool:
    if contract.name in REQUEST:
        return contract.subject.startswith(f"request.{name}.")
    return name in LISTENERS.get(contract.name, ())


async def test_a_user_publishes_its_own_messages_and_no_others(each: tuple[str, User]) -> None:
    """Every subject of the catalogue, by every user."""
    name, someone = each
    foreign = {ADDRESSES[one.name] for one in CONTRACTS if not published_by(name, one)}
    assert await someone.tries(*ADDRESSES.values()) == foreign


async def test_a_user_listens_to_what_concerns_it_and_nothing_else(each: tuple[str, User]) -> None:
    """Every subject of the catalogue, by every user; and wildcards that would catch what others are sent."""
    name, someone = each
    foreign = {ADDRESSES[one.name] for one in CONTRACTS if not heard_by(name, one)}
    inboxes = {f"{inbox_of(other)}.>" for other in USERS if other != name}
    assert await someone.listens(*ADDRESSES.values()) == foreign
    assert await someone.listens(*EVERYTHING, *inboxes) == {*EVERYTHING, *inboxes}


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("booking", "offer.created.j.c.d"),
        ("booking", "assignment.created.j.c.d"),
        ("realtime", "assignment.created.j.c.d"),
        ("realtime", "notification.created.c"),
        ("push", "request.booking.cancel"),
        ("push", "identity.revoked.c"),
        ("push", "driver.location.cell.d"),
        ("matching", "job.created.j.c._"),
        (BOOTSTRAP, "job.created.j.c._"),
    ],
)
async def test_what_is_anothers_to_say_is_refused(bus: House, name: str, subject: str) -> None:
    async with user(bus, name) as someone:
        assert await someone.tries(subject) == {subject}


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("push", "driver.location.>"),
        ("push", "live.*.*.*.c.*"),
        ("push", "request.matching.accept"),
        ("booking", "driver.location.>"),
        ("realtime", "driver.location.>"),
        ("matching", "live.notification.>"),
        (BOOTSTRAP, "job.>"),
    ],
)
async def test_what_is_not_for_its_ears_is_refused(bus: House, name: str, subject: str) -> None:
    async with user(bus, name) as someone:
        assert await someone.listens(subject) == {subject}


async def test_a_stolen_seed_of_push_opens_pushs_door_only(bus: House) -> None:
    """It can tell of notifications, and read whose tokens are void and what service types say."""
    async with user(bus, "push") as thief:
        told = set(ADDRESSES.values()) - await thief.tries(*ADDRESSES.values())
        assert {one for one in told if not one.startswith("request.")} == {"notification.created.x"}
        streams = {f"$JS.API.{verb}.{one.name}" for verb in (*CREATION, *READING) for one in STREAMS}
        assert streams - await thief.tries(*streams) == {
            "$JS.API.DIRECT.GET.IDENTITY",
            "$JS.API.DIRECT.GET.SERVICE_TYPES",
        }


async def test_no_service_makes_changes_or_empties_streams_and_consumers(
    bus: House, service: tuple[str, User]
) -> None:
    """Nor does it read one whole, or delete a message; and none of this was done."""
    _, someone = service
    streams = [f"$JS.API.{verb}.{one.name}" for verb in CREATION for one in STREAMS]
    streams += [f"$JS.API.{verb}.{one.name}" for verb in READING[1:2] for one in STREAMS]
    consumers = [
        f"$JS.API.{verb}.{one.stream}.{who}"
        for one in CONSUMERS
        for who in (one.durable, "mine")
        for verb in ("CONSUMER.CREATE", "CONSUMER.DELETE", "CONSUMER.PAUSE", "CONSUMER.DURABLE.CREATE")
    ]
    others = ["$JS.API.STREAM.CREATE.MINE", "$JS.API.CONSUMER.CREATE.DISPATCH", "$JS.API.STREAM.NAMES"]
    tried = {*streams, *consumers, *others, *(f"$JS.API.STREAM.MSG.DELETE.{one.name}" for one in STREAMS)}
    assert await someone.tries(*tried) == tried
    operator = await nats.connect(bus.nats_url, **bus.nats_operator)
    found = {one.config.name for one in await operator.jetstream().streams_info()}
    assert found == {one.name for one in STREAMS}
    await operator.close()


async def test_who_makes_streams_can_neither_empty_nor_read_nor_delete_them(bus: House) -> None:
    async with user(bus, BOOTSTRAP) as maker:
        tried = {
            f"$JS.API.{verb}.{one.name}"
            for verb in ("STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.GET", "STREAM.MSG.DELETE", "DIRECT.GET")
            for one in STREAMS
        }
        assert await maker.tries(*tried) == tried


async def test_a_consumer_is_its_services_alone(service: tuple[str, User]) -> None:
    """Nobody else takes messages from it, acknowledges them, or buries them."""
    name, someone = service
    own, foreign = set[str](), set[str]()
    for one in CONSUMERS:
        place = f"{one.stream}.{one.durable}"
        (own if owner_of(one) == name else foreign).update(
            {
                f"$JS.API.CONSUMER.MSG.NEXT.{place}",
                f"$JS.API.CONSUMER.INFO.{place}",
                f"$JS.ACK.{place}.1.1.1.1.0",
                f"$JS.ACK._.hash.{place}.1.1.1.1.0",
                f"dead.{one.durable}",
            }
        )
    assert await someone.tries(*own, *foreign) == foreign


async def test_timers_are_set_by_who_hears_of_them(service: tuple[str, User]) -> None:
    name, someone = service
    kinds = {
        f"timer.{pattern.split('.')[1]}.x": owner_of(one)
        for one in CONSUMERS
        if one.stream == "TIMERS"
        for pattern in one.filters
    }
    foreign = {subject for subject, owner in kinds.items() if owner != name}
    assert await someone.tries(*kinds, "due.offer.x", "due.x.x") == foreign | {"due.offer.x", "due.x.x"}


async def test_who_is_asked_answers_once_and_nobody_answers_unasked(bus: House) -> None:
    async with user(bus, "realtime") as asker, user(bus, "matching") as asked, user(bus, "push") as other:
        inbox = asker.nc.new_inbox()
        answers = await asker.nc.subscribe(inbox)
        questions = await asked.nc.subscribe("request.matching.driver")
        await asked.nc.flush()
        assert await other.tries(inbox) == {inbox}
        assert await asked.tries(inbox) == {inbox}
        await asker.nc.publish("request.matching.driver", b"?", reply=inbox)
        question = await questions.next_msg(timeout=30)
        assert await asked.tries(question.reply) == set()
        assert await asked.tries(question.reply) == {inbox}
        await answers.next_msg(timeout=30)
        with pytest.raises(nats.errors.TimeoutError):
            await answers.next_msg(timeout=0.1)


@pytest.mark.parametrize("seed", [None, "another"])
async def test_strangers_are_not_let_in(bus: House, seed: str | None) -> None:
    """Neither without a key nor with one that the server does not know."""
    key = {"nkeys_seed_str": new_seeds(["push"])["push"]} if seed else {}
    with pytest.raises(nats.errors.Error, match=r"(?i)authorization violation"):
        await nats.connect(bus.nats_url, allow_reconnect=False, error_cb=_quiet, **key)


async def _quiet(_error: Exception) -> None:
    pass


async def test_what_a_stream_answers_goes_to_who_asked(bus: House) -> None:
    """By its own prefix of inboxes."""
    async with user(bus, "push") as reader:
        body = json.dumps({"seq": 1, "next_by_subj": ">"}).encode()
        answer = await reader.nc.request("$JS.API.DIRECT.GET.IDENTITY", body, timeout=30)
        assert answer.subject.startswith("_INBOX_push.")
