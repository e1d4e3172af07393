"""Thousands of notifications (in full `--storm 10000`) to an APNs that fails one in ten, in every way."""

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, text

from apns_standin import Script
from contracts.events import Event, OfferCreated, OfferWithdrawn, SearchTimedOut
from contracts.ids import new_id
from contracts.models import Job, JobStatus
from wire.envelope import seal
from wire.publish import post

from .processes import spawned

World = Any
DRIVERS = 2_500
AT_ONCE = 250
TIMEOUT_S = 5.0
TURN_S = 3.0
"""Longest that the sender takes over one turn of its loop, with room for a machine that does much else."""
FAILURES = [
    *(Script(reason=reason, share=0.01) for reason in ("BadDeviceToken", "DeviceTokenNotForTopic")),
    *(Script(reason=reason, share=0.01) for reason in ("Unregistered", "ExpiredToken", "PayloadTooLarge")),
    *(Script(reason=reason, share=0.01) for reason in ("ExpiredProviderToken", "TooManyRequests")),
    *(Script(reason=reason, share=0.01) for reason in ("InternalServerError", "ServiceUnavailable")),
    Script(reset=True, share=0.002),
    Script(goaway=True, share=0.002),
    Script(hang_s=60, share=0.006),
]


@dataclass(frozen=True)
class Storm:
    """What was left of it: the deliveries with what they tell, the ends of offers, what APNs received, and
    how many attempts of a delivery had no answer. `standstill`: seconds of our own loop's longest turn.
    """

    deliveries: list[Row[Any]]
    ended: dict[UUID, datetime]
    received: dict[str, list[Any]]
    unanswered: Counter[str]
    standstill: float


def offer(driver: str, lives: float) -> OfferCreated:
    now, job_id = datetime.now(UTC), new_id()
    job: dict[str, Any] = {"id": job_id, "number": "WG-1", "customer_id": "ann", "service_type": "haul"}
    how: dict[str, Any] = {"status": JobStatus.pending, "version": 1, "total_price": 45}
    return OfferCreated(
        job_id=job_id,
        customer_id="ann",
        search_id=new_id(),
        attempt=1,
        driver_id=driver,
        offer_id=new_id(),
        number=1,
        exclusive=True,
        job=Job(**job, **how, created_at=now, updated_at=now),
        expires_at=(now + timedelta(seconds=lives)).replace(microsecond=0),
    )


def withdrawn(one: OfferCreated) -> OfferWithdrawn:
    fields = {"job_id", "customer_id", "driver_id", "search_id", "attempt", "offer_id", "number", "exclusive"}
    return OfferWithdrawn(**one.model_dump(include=fields), reason="job_cancelled")


def events(chance: random.Random) -> list[Event]:
    """`AT_ONCE` notifications' worth: a tenth of the offers end, before or after they are made."""
    told: list[Event] = []
    for _ in range(AT_ONCE):
        driver = f"driver-{chance.randrange(DRIVERS)}"
        if chance.random() < 0.5:
            about: dict[str, Any] = {"job_id": new_id(), "search_id": new_id(), "attempt": 1, "tried": 0}
            told.append(SearchTimedOut(**about, customer_id=driver))
            continue
        made = offer(driver, chance.choice((3, 30, 60)))
        ends = [withdrawn(made)] if chance.random() < 0.1 else []
        told += [*ends, made] if chance.random() < 0.5 else [made, *ends]
    return told


async def pour(world: World, notifications: int) -> None:
    """Devices first: as many as there are drivers."""
    add = "INSERT INTO device SELECT lpad(to_hex(n), 64, '0'), 'driver-' || n, 'ios', 'app.waggle.driver',"
    count = f"'production', now() - interval '1 day', now() FROM generate_series(0, {DRIVERS - 1}) AS n"
    async with world.engine.begin() as connection:
        await connection.execute(text(f"{add} {count}"))
    chance, js = random.Random(1), world.nc.jetstream()
    for _ in range(notifications // AT_ONCE):
        await asyncio.gather(*(post(js, seal(one)) for one in events(chance)))


async def calm(world: World, notifications: int) -> None:
    """All is recorded, and nothing pending. Nothing announces that but the rows."""
    told = text("SELECT count(*) FROM notification")
    pending = text("SELECT count(*) FROM delivery WHERE state = 'pending'")
    async with asyncio.timeout(400):
        while True:
            async with world.engine.connect() as connection:
                if await connection.scalar(told) == notifications and not await connection.scalar(pending):
                    return
            await asyncio.sleep(0.2)


@pytest.fixture(scope="module")
def storms() -> dict[str, Storm]:
    return {}


@pytest.fixture
async def storm(
    stopped: World, storms: dict[str, Storm], tmp_path: Path, request: pytest.FixtureRequest
) -> Storm:
    """The same for all tests here: it takes its time."""
    notifications = request.config.getoption("storm")
    if "storm" not in storms:
        stopped.apns.script("*", *FAILURES)
        settings = {"push_timeout_seconds": TIMEOUT_S, "push_concurrency": 200, "log_level": "warning"}
        process = await spawned(stopped, tmp_path / "log", **settings)
        turns = Turns()
        watching = asyncio.create_task(turns.watch())
        try:
            await asyncio.gather(pour(stopped, notifications), calm(stopped, notifications))
        finally:
            process.terminate()
            await process.wait()
            watching.cancel()
        storms["storm"] = await what_is_left(stopped, unanswered(tmp_path / "log"), turns.longest)
    return storms["storm"]


@dataclass
class Turns:
    """How long the longest turn of this process's event loop took, in seconds."""

    longest: float = 0.0

    async def watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + 0.01
            await asyncio.sleep(0.01)
            self.longest = max(self.longest, loop.time() - due)


def unanswered(log: Path) -> Counter[str]:
    """By delivery, from what push logs: those whose time was up, and those whose connection was lost."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    attempts = [line for line in lines if line["event"] == "push.attempted" and line["reason"]]
    return Counter(one["delivery_id"] for one in attempts if not one["reason"][0].isdigit())


async def what_is_left(world: World, unanswered: Counter[str], standstill: float) -> Storm:
    told = "notification ON notification_id = notification.id"
    query = text(f"SELECT delivery.*, created_at FROM delivery JOIN {told}")
    async with world.engine.connect() as connection:
        rows = list((await connection.execute(query)).all())
        ended = {row.id: row.ended_at for row in await connection.execute(text("SELECT * FROM ended"))}
    received: dict[str, list[Any]] = {}
    for push in world.apns.pushes():
        received.setdefault(push.apns_id, []).append(push)
    return Storm(rows, ended, received, unanswered, standstill)


pytestmark = pytest.mark.timeout(500)  # on a busy machine; a quiet one needs less than a minute


async def test_every_delivery_of_the_storm_came_to_an_end(storm: Storm) -> None:
    """A10, A11, B4: and each kind of end is among them."""
    states = Counter(row.state for row in storm.deliveries)
    assert states.keys() == {"sent", "failed", "expired", "dropped", "withdrawn"}
    answers = Counter(push.status for pushes in storm.received.values() for push in pushes)
    assert {200, 400, 403, 410, 413, 429, 500, 503, None} <= answers.keys()
    accepted = {row.id for row in storm.deliveries if row.state == "sent"}
    assert all(storm.received[str(one)][-1].status == 200 for one in accepted)


async def test_nothing_of_the_storm_was_taken_twice_unless_the_answer_was_lost(storm: Storm) -> None:
    """A10, A11: then nobody can know, and the phone shows the copy in place of the first."""
    for apns_id, pushes in storm.received.items():
        taken = [push for push in pushes if push.status == 200 and not push.hang_s]
        assert len(taken) <= 1 + storm.unanswered[apns_id], pushes


async def test_nothing_of_the_storm_arrived_after_its_deadline(storm: Storm) -> None:
    """B4: none is begun after it, by the sender's clock (`test_apns_connection`). The slack is for bytes on
    their way: the sender writes what it began at the end of its loop's turn, and we read that when our loop
    comes round to it, which plays APNs and makes the storm."""
    slack = TURN_S + storm.standstill
    late = {
        push.apns_id: push.received_at - int(push.headers["apns-expiration"])
        for pushes in storm.received.values()
        for push in pushes
    }
    latest = max(late.values())
    print(f"latest {latest:.3f} s after its deadline, our loop stood still for {storm.standstill:.3f} s")
    assert latest <= slack


async def test_no_offer_of_the_storm_arrived_after_its_end(storm: Storm) -> None:
    """B4, B11: not at all if that was known first; else only by an attempt that had begun."""
    offers = [row for row in storm.deliveries if row.offer_id in storm.ended]
    assert len(offers) > len(storm.deliveries) / 50
    for row in offers:
        ended, pushes = storm.ended[row.offer_id], storm.received.get(str(row.id), [])
        if ended <= row.created_at:
            assert pushes == []
        assert all(push.received_at < ended.timestamp() + TIMEOUT_S for push in pushes)
